#!/usr/bin/env python3
"""Scenarios of scenarios/liveness: their core converges, and they hold; but those with a comment line

    # says: no convergence within ...

fail, and with that reason. The twin of each that holds, with the time to converge cut short, fails too."""

import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

SOURCE = os.environ.get("WEFT_SOURCE", os.getcwd())
WEFT = os.path.abspath(os.path.join(os.environ.get("WEFT_BIN", "build/bin"), "weft"))
FOLDER = os.path.join(SOURCE, "scenarios/liveness")
SECONDS_MAX = 120


def expected_of(path):
    with open(path, encoding="utf-8") as file:
        says = re.search(r"^# says: (.*)$", file.read(), re.MULTILINE)
    return says.group(1) if says else None


class Liveness(unittest.TestCase):
    def weft(self, *args, status):
        run = subprocess.run([WEFT, "run", *args], capture_output=True, text=True, timeout=SECONDS_MAX)
        self.assertEqual(run.returncode, status, run.stdout + run.stderr)
        return run.stdout

    def page(self, path, *sets, status):
        return json.loads(self.weft(path, "--json", *[word for one in sets for word in ("--set", one)], status=status))

    def scenarios(self, wrong):
        found = [path for path in sorted(glob.glob(os.path.join(FOLDER, "*.yaml"))) if bool(expected_of(path)) == wrong]
        self.assertTrue(found)
        return found

    def test_a_core_converges_and_is_judged(self):
        for path in self.scenarios(wrong=False):
            with self.subTest(os.path.basename(path)):
                page = self.page(path, status=0)
                self.assertEqual(page["liveness"]["down"], 0)
                self.assertGreater(page["liveness"]["core"], 1)
                for check in page["liveness"]["checks"]:
                    self.assertGreater(check["evaluated"], 0, check)
                for fault in page["faults"]:
                    self.assertGreater(fault["bit"], 0, fault)

    def test_a_core_converges_for_many_seeds(self):
        for path in self.scenarios(wrong=False):
            with self.subTest(os.path.basename(path)):
                self.weft(path, "--seeds", "20", status=0)

    def test_a_core_that_is_stuck_fails_and_says_so(self):
        for path in self.scenarios(wrong=True):
            with self.subTest(os.path.basename(path)):
                page = self.page(path, status=1)
                expected = expected_of(path)
                self.assertTrue(any(expected in reason for reason in page["reasons"]), page["reasons"])

    def test_no_core_converges_at_once(self):
        for path in self.scenarios(wrong=False):
            with self.subTest(os.path.basename(path)):
                page = self.page(path, "liveness.within=1ms", status=1)
                self.assertTrue(any("no convergence within 0.001 s" in reason for reason in page["reasons"]))

    def test_a_core_on_which_nothing_is_judged_is_hollow(self):
        path = os.path.join(FOLDER, "core-converges.yaml")
        page = self.page(path, "liveness.core=1", "checks=[tables]", "stop=105s", status=1)
        self.assertTrue(any("hollow liveness" in reason for reason in page["reasons"]), page["reasons"])

    def test_the_page_tells_of_the_core(self):
        told = self.weft(os.path.join(FOLDER, "core-converges.yaml"), status=0)
        self.assertRegex(told, r"core of 18 +evaluated +failed +healed at 60.000 s, 45.000 s to converge, 0 of it not up")

    def test_a_run_cut_short_judges_no_core(self):
        page = json.loads(self.weft(os.path.join(FOLDER, "core-converges.yaml"), "--json", "--until", "100s", status=1))
        self.assertNotIn("liveness", page)
        self.assertFalse(any("convergence" in reason for reason in page["reasons"]))

    def test_a_swarm_draws_when_and_for_how_long(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "swarm.yaml")
            with open(os.path.join(FOLDER, "core-converges.yaml"), encoding="utf-8") as file:
                text = file.read()
            with open(path, "w", encoding="utf-8") as file:
                file.write(text + "swarm: {liveness.at: 59s..70s, liveness.within: 40s..60s, liveness.core: 40%..80%}\n")
            pages = [json.loads(self.weft(path, "--json", "--seed", seed, status=0))["liveness"] for seed in ("1", "2", "3")]
            self.assertEqual(len({(page["at_s"], page["within_s"], page["core"]) for page in pages}), 3)


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=2)
    count = program.result.testsRun
    wrong = len(program.result.failures) + len(program.result.errors)
    print(f"{max(count - wrong, 0)} passed, {wrong} failed")
    sys.exit(not program.result.wasSuccessful())
