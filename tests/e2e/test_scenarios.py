#!/usr/bin/env python3
"""Every scenario of these folders is run, and holds. What the repository ships works as it says."""

import glob
import json
import os
import subprocess
import sys
import unittest

SOURCE = os.environ.get("WEFT_SOURCE", os.getcwd())
WEFT = os.path.abspath(os.path.join(os.environ.get("WEFT_BIN", "build/bin"), "weft"))
FOLDERS = ["scenarios", "scenarios/scale", "scenarios/regressions"]
SECONDS_MAX = 120


def weft(*args):
    return subprocess.run([WEFT, *args], capture_output=True, text=True, timeout=SECONDS_MAX)


class Scenarios(unittest.TestCase):
    def scenarios(self):
        for folder in FOLDERS:
            found = sorted(glob.glob(os.path.join(SOURCE, folder, "*.yaml")))
            self.assertTrue(found, f"no scenario in {folder}")
            yield from found

    def test_every_scenario_is_read(self):
        for path in self.scenarios():
            with self.subTest(os.path.basename(path)):
                run = weft("check", path)
                self.assertEqual(run.returncode, 0, run.stderr)

    def test_every_scenario_holds_and_every_part_of_it_did_something(self):
        for path in self.scenarios():
            with self.subTest(os.path.basename(path)):
                run = weft("run", path, "--json")
                self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
                page = json.loads(run.stdout)
                self.assertGreater(page["events"], 0)
                for fault in page["faults"]:
                    self.assertGreater(fault["bit"], 0, fault)
                for check in page["checks"]:
                    self.assertGreater(check["evaluated"], 0, check)
                for work in page["workload"]:
                    self.assertGreater(work["done"], 0, work)


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=2)
    count = program.result.testsRun
    wrong = len(program.result.failures) + len(program.result.errors)
    print(f"{max(count - wrong, 0)} passed, {wrong} failed")
    sys.exit(not program.result.wasSuccessful())
