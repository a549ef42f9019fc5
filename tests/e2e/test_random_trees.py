#!/usr/bin/env python3
"""Random supervision trees, many seeds in one go; and what `weft run --seeds` says. ./dev soak trees runs more."""

import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

WEFT = os.path.abspath(os.path.join(os.environ.get("WEFT_BIN", "build/bin"), "weft"))
MODULES = os.path.join(os.path.abspath(os.environ.get("WEFT_BUILD", "build")), "modules")
SCENARIOS = os.path.join(os.environ.get("WEFT_SOURCE", os.getcwd()), "scenarios/otp")
SEEDS = int(os.environ.get("WEFT_SEEDS", "300"))
FIRST = int(os.environ.get("WEFT_FIRST_SEED", "1"))


class RandomTrees(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = cls.temporary.name
        for path in glob.glob(os.path.join(SCENARIOS, "*.yaml")) + glob.glob(os.path.join(MODULES, "grove_*.so")):
            shutil.copy(path, cls.folder)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def weft(self, *args):
        return subprocess.run([WEFT, *args], capture_output=True, text=True, timeout=3600, cwd=self.folder)

    def seeds(self, count, *args):
        return self.weft("run", "random-trees.yaml", "--seeds", str(count), *args)

    def test_each_scenario_holds_and_each_of_its_faults_bites(self):
        names = [os.path.basename(path) for path in glob.glob(os.path.join(SCENARIOS, "random-*.yaml"))]
        self.assertGreaterEqual(len(names), 1)
        for name in sorted(names):
            with self.subTest(name):
                run = self.weft("run", name, "--json")
                self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
                page = json.loads(run.stdout)
                for fault in page["faults"]:
                    self.assertGreater(fault["bit"], 0, fault)
                for check in page["checks"]:
                    self.assertGreater(check["evaluated"], 0, check)

    def test_every_seed_holds(self):
        run = self.seeds(SEEDS, "--seed", str(FIRST), "--keep-going")
        print(run.stdout[-4000:], flush=True)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        self.assertIn(f"{SEEDS:,} of {SEEDS:,} seeds hold", run.stdout)

    def test_many_seeds_are_each_as_alone(self):
        together = json.loads(self.seeds(3, "--seed", "7", "--json").stdout)
        self.assertEqual((together["first"], together["seeds"], together["held"]), (7, 3, 3))
        alone = [json.loads(self.weft("run", "random-trees.yaml", "--seed", str(seed), "--json").stdout)
                 for seed in (7, 8, 9)]
        self.assertEqual(together["events"], sum(page["events"] for page in alone))
        self.assertEqual(len({page["hash"] for page in alone}), 3)
        self.assertEqual(json.loads(self.seeds(3, "--seed", "7", "--json").stdout)["hash"], together["hash"])

    def test_it_stops_at_the_first_seed_that_fails(self):
        wrong = ["--set", "faults.11.upgrade.expect=upgraded", "--seed", "5"]
        run = self.seeds(4, *wrong)
        self.assertEqual(run.returncode, 1, run.stdout + run.stderr)
        self.assertIn("seed 5 fails:\n    random-trees.yaml:", run.stdout)
        self.assertIn("random-trees: 0 of 1 seeds hold, 5 to 5;", run.stdout)
        repeat = re.search(r"^repeat: \S+ (run .*)$", run.stdout, re.M).group(1)
        self.assertEqual(repeat, "run random-trees.yaml --seed 5 --set faults.11.upgrade.expect=upgraded")
        self.assertEqual(self.weft(*repeat.split()).returncode, 1)

    def test_it_goes_on_when_told_to(self):
        page = json.loads(self.seeds(3, "--set", "faults.11.upgrade.expect=upgraded", "--keep-going", "--json").stdout)
        self.assertEqual((page["seeds"], page["held"]), (3, 0))
        self.assertEqual([failure["seed"] for failure in page["failures"]], [1, 2, 3])
        for failure in page["failures"]:
            self.assertIn("dead fault: upgrade", failure["reasons"][0])
            self.assertIn(f"--seed {failure['seed']}", failure["repeat"])

    def test_options_that_do_not_fit_together_are_told(self):
        for args, told in [
            (["--seeds", "0"], "is no number of seeds"),
            (["--seeds", "2", "--trace", "t"], "--trace is of one seed"),
            (["--keep-going"], "--keep-going goes with --seeds"),
            (["--seeds", "2", "--seed", str(2**64 - 1)], "reach beyond 2^64 - 1"),
        ]:
            with self.subTest(args):
                run = self.weft("run", "random-trees.yaml", *args)
                self.assertEqual(run.returncode, 2, run.stdout + run.stderr)
                self.assertIn(told, run.stderr)


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=2)
    count = program.result.testsRun
    wrong = len(program.result.failures) + len(program.result.errors)
    print(f"{max(count - wrong, 0)} passed, {wrong} failed")
    sys.exit(not program.result.wasSuccessful())
