#!/usr/bin/env python3
"""Orders of processes inside a node: tests/modules/till.c has a bug that needs two orderings, which
first in, first out never has, and every other schedule finds."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

WEFT = os.path.abspath(os.path.join(os.environ.get("WEFT_BIN", "build/bin"), "weft"))
MODULES = os.path.join(os.path.abspath(os.environ.get("WEFT_BUILD", "build")), "modules")
SEEDS = 300
SCENARIO = """\
name: till
population: 1
join: {over: 0s}
stop: 5s
dht: off
apps: [till_v1.so]
checks:
  - no_surprise
"""


class Schedules(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.addCleanup(self.temporary.cleanup)
        shutil.copy(os.path.join(MODULES, "till_v1.so"), self.temporary.name)
        with open(os.path.join(self.temporary.name, "till.yaml"), "w", encoding="utf-8") as file:
            file.write(SCENARIO)

    def run_with(self, schedule, *args):
        args = [WEFT, "run", "till.yaml", "--set", f"schedule={schedule}", "--json", *args]
        run = subprocess.run(args, capture_output=True, text=True, timeout=300, cwd=self.temporary.name)
        self.assertIn(run.returncode, (0, 1), run.stderr)
        return json.loads(run.stdout)

    def test_first_in_first_out_never_hits_it(self):
        page = self.run_with("fifo", "--seeds", str(SEEDS), "--keep-going")
        self.assertEqual((page["seeds"], page["held"]), (SEEDS, SEEDS))

    def test_every_other_order_does_soon(self):
        for schedule, seeds in [
            ("random", 1),
            ("{pct: {depth: 2}}", 20),
            ("{pct: {depth: 3}}", 20),
            ("{delay: {bound: 2, steps: 50}}", 20),
        ]:
            with self.subTest(schedule):
                page = self.run_with(schedule, "--seeds", str(seeds))
                self.assertEqual(len(page["failures"]), 1, f"not found in {seeds} seeds")
                failure = page["failures"][0]
                self.assertIn("till.c:", failure["reasons"][0])
                again = self.run_with(schedule, "--seed", str(failure["seed"]))
                self.assertEqual(again["verdict"], "fails")
                self.assertEqual(again["reasons"], failure["reasons"])


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=2)
    count = program.result.testsRun
    wrong = len(program.result.failures) + len(program.result.errors)
    print(f"{max(count - wrong, 0)} passed, {wrong} failed")
    sys.exit(not program.result.wasSuccessful())
