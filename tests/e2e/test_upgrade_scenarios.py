#!/usr/bin/env python3
"""Scenarios of upgrades, run as they are: weft finds the modules of its build."""

import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

WEFT = os.path.abspath(os.path.join(os.environ.get("WEFT_BIN", "build/bin"), "weft"))
MODULES = os.path.join(os.path.realpath(os.environ.get("WEFT_BUILD", "build")), "modules")
SCENARIOS = os.path.join(os.environ.get("WEFT_SOURCE", os.getcwd()), "scenarios/upgrade")


class UpgradeScenarios(unittest.TestCase):
    def weft(self, *args):
        return subprocess.run([WEFT, *args], capture_output=True, text=True, timeout=120)

    def run_one(self, name, *args):
        return self.weft("run", os.path.join(SCENARIOS, name), "--json", *args)

    def test_each_holds_and_is_the_same_again(self):
        names = sorted(os.path.basename(path) for path in glob.glob(os.path.join(SCENARIOS, "*.yaml")))
        self.assertGreaterEqual(len(names), 3)
        for name in names:
            with self.subTest(name):
                run = self.run_one(name)
                self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
                page = json.loads(run.stdout)
                for fault in page["faults"]:
                    self.assertGreater(fault["bit"], 0, fault)
                self.assertEqual(json.loads(self.run_one(name).stdout)["hash"], page["hash"])

    def test_a_rolling_upgrade_reaches_every_node(self):
        page = json.loads(self.run_one("rolling.yaml").stdout)
        upgrade = page["faults"][0]
        self.assertEqual(upgrade["injected"], 30)
        self.assertGreaterEqual(upgrade["bit"], 28)  # one node is down when its turn comes

    def test_what_is_not_as_expected_fails_the_run(self):
        wrong = [("bad-migration.yaml", "faults.0.expect=upgraded"), ("bad-message.yaml", "faults.0.watch=0")]
        for name, setting in wrong:
            with self.subTest(name):
                key, value = setting.split("=")
                fault, rest = key.rsplit(".", 1)
                run = self.run_one(name, "--set", f"{fault}.upgrade.{rest}={value}")
                self.assertNotEqual(run.returncode, 0, run.stdout)

    def test_schedulers_of_a_node_go_back_together(self):
        with tempfile.TemporaryDirectory() as folder:
            trace = os.path.join(folder, "run.trace")
            self.run_one("schedulers.yaml", "--trace", trace)
            lines = self.weft("trace", trace, "--kind", "code.rolled_back").stdout.splitlines()
        self.assertEqual(len(lines), 2 * 3, lines)

    def scenario(self, folder, text):
        path = os.path.join(folder, "some.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write("name: some\npopulation: 2\nstop: 20s\nchecks: [no_leak]\n" + text)
        return path

    def test_a_module_that_is_not_there_is_told_with_its_place(self):
        with tempfile.TemporaryDirectory() as folder:
            path = self.scenario(folder, "apps: [{module: nowhere.so}]\n")
            run = self.weft("check", "--modules", folder, path)
            self.assertEqual(run.returncode, 2)
            self.assertIn(f"{path}:5:17: there is no file 'nowhere.so' beside the scenario, nor in "
                          f"{folder}, {MODULES}, expected a module", run.stderr)

    def test_modules_are_looked_for_beside_the_scenario_then_where_it_is_said(self):
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as other:
            path = self.scenario(folder, "apps: [{module: mine.so}]\n")
            shutil.copy(os.path.join(MODULES, "beat_v1.so"), os.path.join(other, "mine.so"))
            run = self.weft("run", "--modules", other, path)
            self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
            self.assertIn(f"--modules {other}", run.stdout)  # the line that repeats it
            with open(os.path.join(folder, "mine.so"), "wb") as file:
                file.write(b"no module")
            self.assertNotEqual(self.weft("run", "--modules", other, path).returncode, 0)
        run = self.weft("run", "--modules", "/nowhere", path)
        self.assertIn('"/nowhere" is no folder', run.stderr)

    def test_env_is_given_to_the_application(self):
        with tempfile.TemporaryDirectory() as folder:
            path = self.scenario(folder, "apps: [{module: counter_v1.so, env: {start: 2000}}]\n")
            run = self.weft("run", path)  # its process refuses more than 1000
            self.assertNotEqual(run.returncode, 0, run.stdout)
            path = self.scenario(folder, "apps: [{module: counter_v1.so, env: {start: 20}}]\n")
            run = self.weft("run", path)
            self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
            for text, place in (("env: [1]", "env"), ("env: {a: [1]}", "expected a text")):
                path = self.scenario(folder, f"apps: [{{module: counter_v1.so, {text}}}]\n")
                run = self.weft("check", path)
                self.assertEqual(run.returncode, 2)
                self.assertIn(f"{path}:5:", run.stderr)
                self.assertIn(place, run.stderr)


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=2)
    count = program.result.testsRun
    wrong = len(program.result.failures) + len(program.result.errors)
    print(f"{max(count - wrong, 0)} passed, {wrong} failed")
    sys.exit(not program.result.wasSuccessful())
