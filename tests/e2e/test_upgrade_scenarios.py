#!/usr/bin/env python3
"""Scenarios of upgrades: their modules are built by the tests and stand beside them."""

import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

WEFT = os.path.abspath(os.path.join(os.environ.get("WEFT_BIN", "build/bin"), "weft"))
MODULES = os.path.join(os.path.abspath(os.environ.get("WEFT_BUILD", "build")), "modules")
SCENARIOS = os.path.join(os.environ.get("WEFT_SOURCE", os.getcwd()), "scenarios/upgrade")


class UpgradeScenarios(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = self.temporary.name
        for path in glob.glob(os.path.join(SCENARIOS, "*.yaml")) + glob.glob(os.path.join(MODULES, "*.so")):
            shutil.copy(path, self.folder)

    def tearDown(self):
        self.temporary.cleanup()

    def weft(self, *args):
        return subprocess.run([WEFT, *args], capture_output=True, text=True, timeout=120)

    def run_one(self, name, *args):
        return self.weft("run", os.path.join(self.folder, name), "--json", *args)

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

    def test_a_module_that_is_not_there_is_told_with_its_place(self):
        os.remove(os.path.join(self.folder, "beat_v3.so"))
        run = self.weft("check", os.path.join(self.folder, "bad-migration.yaml"))
        self.assertNotEqual(run.returncode, 0)
        self.assertIn("bad-migration.yaml:10:54: there is no file 'beat_v3.so' beside the scenario", run.stderr)


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=2)
    count = program.result.testsRun
    wrong = len(program.result.failures) + len(program.result.errors)
    print(f"{max(count - wrong, 0)} passed, {wrong} failed")
    sys.exit(not program.result.wasSuccessful())
