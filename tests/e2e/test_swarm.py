#!/usr/bin/env python3
"""Swarms: every scenario of scenarios/swarm holds for many seeds and each of its faults bites in some; what a seed
draws can be written as a scenario that runs the same. ./dev soak swarm runs more seeds."""

import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = os.environ.get("WEFT_SOURCE", os.getcwd())
WEFT = os.path.abspath(os.path.join(os.environ.get("WEFT_BIN", "build/bin"), "weft"))
MODULES = os.path.join(os.path.abspath(os.environ.get("WEFT_BUILD", "build")), "modules")
SEEDS = int(os.environ.get("WEFT_SEEDS", "30"))
FIRST = int(os.environ.get("WEFT_FIRST_SEED", "1"))


with open(os.path.join(SOURCE, "sim/fault/fault.h"), encoding="utf-8") as source:
    KINDS = set(re.findall(r'^ +X\([A-Z_]+, "([a-z_]+)"\)', source.read(), re.M))


def bitten(told):
    """The kinds that bit, of the table of faults: its line, how many seeds had it, how often it was injected, and bit."""
    table = ("\n" + told).split("\n  faults ")[1].split("\n  workload ")[0].split("\n  checks ")[0]
    return {row[0] for row in re.findall(r"^  ([a-z_]+):\d+ +[\d,]+ +[\d,]+ +([1-9][\d,]*)$", table, re.M)}


class Swarm(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = cls.temporary.name
        paths = glob.glob(os.path.join(SOURCE, "scenarios/swarm", "*.yaml"))
        for path in paths + glob.glob(os.path.join(MODULES, "*.so")):
            shutil.copy(path, cls.folder)
        cls.names = sorted(os.path.basename(path) for path in paths)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def weft(self, *args, status=(0,)):
        run = subprocess.run([WEFT, *args], capture_output=True, text=True, timeout=3600, cwd=self.folder)
        self.assertIn(run.returncode, status, run.stdout + run.stderr)
        return run.stdout

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            file.write(text)

    def test_every_seed_holds_and_every_fault_bites_in_some(self):
        self.assertTrue(self.names)
        bit = set()
        for name in self.names:
            with self.subTest(name):
                told = self.weft("run", name, "--seed", str(FIRST), "--seeds", str(SEEDS), "--keep-going", status=(0, 1))
                print(told[-6000:], flush=True)
                self.assertIn(f"{SEEDS:,} of {SEEDS:,} seeds hold", told)
                for dead in ("dead fault", "dead condition", "dead check", "hollow workload"):
                    self.assertNotIn(dead, told)
                bit |= bitten(told)
        self.assertEqual(KINDS - bit, set(), "bite nowhere")

    def test_what_a_seed_draws_runs_the_same_as_a_scenario_of_its_own(self):
        for name in self.names:
            for seed in ("3", "4"):
                with self.subTest(name, seed=seed):
                    self.write("plain.yaml", self.weft("check", name, "--seed", seed, "--print"))
                    drawn = json.loads(self.weft("run", name, "--seed", seed, "--json"))
                    plain = json.loads(self.weft("run", "plain.yaml", "--json", status=(0, 1)))
                    self.assertEqual(plain["hash"], drawn["hash"])
                    self.assertEqual(plain["events"], drawn["events"])
                    self.assertNotIn("swarm", plain)
                    self.assertTrue(drawn["swarm"])

    def test_the_page_says_what_was_drawn(self):
        page = self.weft("run", "dht.yaml", "--seed", "3")
        drawn = json.loads(self.weft("run", "dht.yaml", "--seed", "3", "--json"))["swarm"]
        words = " ".join(page.split())
        for draw in drawn:
            self.assertIn(draw["name"], words)
            if draw["value"] != "off":
                self.assertIn(draw["value"], words)

    def test_together_each_seed_is_as_alone(self):
        together = json.loads(self.weft("run", "dht-move.yaml", "--seeds", "3", "--seed", "7", "--json"))
        alone = [json.loads(self.weft("run", "dht-move.yaml", "--seed", seed, "--json")) for seed in "789"]
        self.assertEqual(together["events"], sum(page["events"] for page in alone))
        for row in together["faults"]:
            bit = sum(fault["bit"] for page in alone for fault in page["faults"] if fault["kind"] == row["name"])
            self.assertEqual(row["bit"], bit, row)

    TOOTHLESS = """\
name: toothless
population: 4
stop: 30s
join: {over: 1s}
swarm:
  network.loss: 0%..1%
  chance: 50%
  faults:
    - kill: {at: 5s..9s, nodes: 1, for: 1s}
    - restart: {at: 3s..4s, nodes: 1}
checks:
  - no_leak
"""

    def test_a_fault_that_bit_in_no_seed_is_dead_though_none_fails(self):
        self.write("toothless.yaml", self.TOOTHLESS)
        told = self.weft("run", "toothless.yaml", "--seeds", "20", status=(1,))
        self.assertIn("toothless: 20 of 20 seeds hold", told)
        self.assertIn("toothless.yaml:10: dead fault: restart was injected and bit in none of 20 seeds", told)
        self.assertNotIn("dead fault: kill", told)
        page = json.loads(self.weft("run", "toothless.yaml", "--seeds", "20", "--json", status=(1,)))
        self.assertEqual([row["name"] for row in page["faults"] if "dead" in row], ["restart"])
        self.assertEqual(page["dead"], 1)

    def test_a_fault_that_was_on_in_no_seed_is_dead(self):
        self.write("toothless.yaml", self.TOOTHLESS)
        told = self.weft("run", "toothless.yaml", "--seeds", "3", "--set", "swarm.chance=0.0001%", status=(1,))
        self.assertIn("toothless.yaml:9: dead fault: kill was on in none of 3 seeds", told)

    def test_a_part_or_a_condition_that_showed_in_no_seed_is_dead(self):
        part = "    - degrade: {at: 5s..9s, for: 10s, nodes: all, loss: 30%, mtu: 1500}\n"
        self.write("toothless.yaml", self.TOOTHLESS.replace("    - restart: {at: 3s..4s, nodes: 1}\n", part)
                   .replace("join:", "network: {duplicate: 0.0001%}\njoin:"))
        args = ("run", "toothless.yaml", "--seeds", "10", "--set", "swarm.chance=100%")
        told = self.weft(*args, status=(1,))
        self.assertIn("toothless.yaml:11: dead fault: degrade.mtu changed anything in none of 10 seeds", told)
        self.assertIn("toothless.yaml:4: dead condition: network.duplicate changed anything in none of 10 seeds", told)
        page = json.loads(self.weft(*args, "--json", status=(1,)))
        rows = {row["name"]: row for row in page["parts"] + page["conditions"]}
        self.assertGreater(rows["degrade.loss"]["bit"], 0)
        self.assertGreater(rows["network.loss"]["bit"], 0)
        self.assertEqual([name for name, row in rows.items() if "dead" in row], ["degrade.mtu", "network.duplicate"])
        self.assertEqual(page["dead"], 2)

    def test_what_an_end_before_its_time_left_out_is_not_dead(self):
        self.write("short.yaml", self.TOOTHLESS.replace("join:", "network: {duplicate: 0.0001%}\njoin:"))
        told = self.weft("run", "short.yaml", "--seeds", "2", "--until", "100ms", status=(0, 1))
        self.assertIn("network.duplicate:4", told)
        self.assertNotIn("dead condition", told)

    def test_a_fault_that_did_not_bite_is_told_once_and_not_by_its_parts(self):
        part = "    - degrade: {at: 5s..9s, for: 1ms, nodes: 1, loss: 0.0001%, mtu: 1500}\n"
        self.write("toothless.yaml", self.TOOTHLESS.replace("    - restart: {at: 3s..4s, nodes: 1}\n", part))
        told = self.weft("run", "toothless.yaml", "--seeds", "3", "--set", "swarm.chance=100%", status=(1,))
        self.assertIn("toothless.yaml:10: dead fault: degrade was injected and bit in none of 3 seeds", told)
        self.assertNotIn("degrade.", told)

    def test_together_parts_bite_as_often_as_alone(self):
        together = json.loads(self.weft("run", "dht.yaml", "--seeds", "2", "--seed", "7", "--json", status=(0, 1)))
        alone = [json.loads(self.weft("run", "dht.yaml", "--seed", seed, "--json")) for seed in "78"]
        parts = [(f"{fault['kind']}.{part['name']}", part["bit"])
                 for page in alone for fault in page["faults"] if fault["bit"] for part in fault["parts"]]
        self.assertTrue(parts)
        self.assertEqual({row["name"] for row in together["parts"]}, {name for name, _ in parts})
        self.assertEqual({row["name"]: row["bit"] for row in together["conditions"]},
                         {one["name"]: sum(other["bit"] for page in alone for other in page["conditions"] if other["name"] == one["name"])
                          for page in alone for one in page["conditions"]})
        for row in together["parts"]:
            self.assertEqual(row["bit"], sum(bit for name, bit in parts if name == row["name"]), row)

    def test_a_check_that_no_seed_evaluated_is_dead(self):
        self.write("toothless.yaml", self.TOOTHLESS + "  - dead_forgotten\n")
        told = self.weft("run", "toothless.yaml", "--seeds", "5", status=(1,))
        self.assertIn("toothless.yaml:13: dead check: dead_forgotten was evaluated in none of 5 seeds", told)

    def test_each_failing_seed_has_its_repeat_line(self):
        wrong = ["--set", "checks.2={tables: {within: 1ms}}", "--keep-going"]
        told = self.weft("run", "dht-move.yaml", "--seeds", "3", *wrong, status=(1,))
        for seed in (1, 2, 3):
            self.assertIn(f"run dht-move.yaml --seed {seed} --set 'checks.2={{tables: {{within: 1ms}}}}'", told)

    def test_a_seed_that_draws_a_mistake_is_told_and_runs_nothing(self):
        self.write("tight.yaml", self.TOOTHLESS.replace("network.loss: 0%..1%", "population: 0..4"))
        run = subprocess.run([WEFT, "run", "tight.yaml"], capture_output=True, text=True, cwd=self.folder, timeout=60)
        self.assertEqual(run.returncode, 2)
        self.assertIn("tight.yaml:6:15: 'population' is '0', expected a whole number from 1", run.stderr)


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=2)
    count = program.result.testsRun
    wrong = len(program.result.failures) + len(program.result.errors)
    print(f"{max(count - wrong, 0)} passed, {wrong} failed")
    sys.exit(not program.result.wasSuccessful())
