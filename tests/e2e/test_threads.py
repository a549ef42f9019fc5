#!/usr/bin/env python3
"""Every scenario that can run on threads is the same run on any number of them as on one: hash,
events, verdict, faults, checks, workload, memory, and the trace, byte by byte. What has to run alone
says why, and runs."""

import glob
import json
import os
import subprocess
import sys
import tempfile
import unittest

SOURCE = os.environ.get("WEFT_SOURCE", os.getcwd())
WEFT = os.path.abspath(os.path.join(os.environ.get("WEFT_BIN", "build/bin"), "weft"))
FOLDERS = ["scenarios", "scenarios/scale", "scenarios/regressions", "scenarios/faults",
           "scenarios/regions", "scenarios/liveness"]
SECONDS_MAX = 240
SWARM_SEEDS = 2 # of each scenario of scenarios/swarm, among the first SWARM_TRIED, that can run on threads
SWARM_TRIED = 24
OF_THE_MACHINE = ("wall_s", "peak_rss_bytes", "repeat", "build", "confined")
FIRST = os.path.join(SOURCE, "scenarios/first-partition.yaml")
SMALL = ("--set", "population=20", "--until", "2s")


def weft(*args):
    return subprocess.run([WEFT, *args], capture_output=True, text=True, timeout=SECONDS_MAX)


def page(*args):
    run = weft("run", *args, "--json")
    told = json.loads(run.stdout)
    return {key: told[key] for key in told if key not in OF_THE_MACHINE}, run


def scenarios():
    for folder in FOLDERS:
        for path in sorted(glob.glob(os.path.join(SOURCE, folder, "*.yaml"))):
            yield path, ()


def runs_alone(path, *options):
    return "on one thread" in weft("run", path, "--threads", "2", "--until", "1ms", *options).stderr


def swarms():
    """Seeds that draw neither queues nor what else has to run alone; modules do in all of them."""
    for path in sorted(glob.glob(os.path.join(SOURCE, "scenarios/swarm", "*.yaml"))):
        seeds = [("--seed", str(seed)) for seed in range(1, SWARM_TRIED + 1)]
        for options in [seed for seed in seeds if not runs_alone(path, *seed)][:SWARM_SEEDS]:
            yield path, options


def traced(path, threads, *options):
    """Its page and the bytes of its trace, of everything that is traced."""
    with tempfile.NamedTemporaryFile(suffix=".trace") as file:
        told, run = page(path, "--threads", str(threads), "--trace", file.name,
                         "--trace-packets", *options)
        return told, run, file.read()


class Threads(unittest.TestCase):
    maxDiff = None

    def test_two_threads_give_the_run_of_one(self):
        on_two = 0
        for path, options in scenarios():
            with self.subTest(os.path.relpath(path, SOURCE)):
                one, first = page(path, *options)
                two, second = page(path, "--threads", "2", *options)
                self.assertEqual(one, two)
                self.assertEqual(first.returncode, second.returncode)
                on_two += "on one thread" not in second.stderr
        self.assertGreater(on_two, 30)

    def test_what_a_seed_of_a_swarm_draws_is_the_same_on_threads(self):
        drawn = list(swarms())
        self.assertGreaterEqual(len(drawn), 3)
        for number, (path, options) in enumerate(drawn):
            with self.subTest(os.path.relpath(path, SOURCE), options=options):
                one, first = page(path, *options)
                many, second = page(path, "--threads", str(2 + number % 3), *options)
                self.assertNotIn("on one thread", second.stderr)
                self.assertEqual(one, many)
                self.assertEqual(first.returncode, second.returncode)

    def test_traces_are_alike_on_any_number_of_threads(self):
        bytes_of_all = 0
        for number, (path, options) in enumerate([*scenarios(), *swarms()]):
            with self.subTest(os.path.relpath(path, SOURCE), options=options):
                one, _, trace = traced(path, 1, "--until", "25s", *options)
                many, run, other = traced(path, 2 + number % 3, "--until", "25s", *options)
                if "on one thread" in run.stderr:
                    continue
                self.assertEqual(one, many)
                self.assertTrue(trace == other, "another trace")
                bytes_of_all += len(trace)
        self.assertGreater(bytes_of_all, 10_000_000)

    def test_partition_churn_and_crashes_traced_whole_on_one_to_four(self):
        for name, population in (("first-partition", 150), ("heavy-churn", 60),
                                 ("rolling-crash", 120)):
            path = os.path.join(SOURCE, "scenarios", f"{name}.yaml")
            size = ("--set", f"population={population}")
            one, _, trace = traced(path, 1, *size)
            self.assertGreater(len(trace), 100000)
            for threads in (2, 3, 4):
                with self.subTest(f"{name} on {threads}"):
                    many, run, other = traced(path, threads, *size)
                    self.assertNotIn("on one thread", run.stderr)
                    self.assertEqual(one, many)
                    self.assertTrue(trace == other, "another trace")

    def test_seeds_run_on_threads(self):
        for threads in ("1", "3"):
            run = weft("run", FIRST, "--seeds", "3", "--keep-going", "--threads", threads, *SMALL)
            lines = [line for line in run.stdout.split("\n") if " s" not in line]
            if threads == "1":
                alone = lines
        self.assertGreater(len(alone), 5)
        self.assertEqual(alone, lines)


class Alone(unittest.TestCase):
    def is_told(self, why, *args):
        run = weft("run", *args, "--threads", "2")
        self.assertIn(f"weft: on one thread: {why}\n", run.stderr)
        self.assertIn("run hash", run.stdout)

    def test_links_without_delay(self):
        self.is_told("its links may take no time at all", FIRST, *SMALL, "--set", "network.delay=0s")

    def test_links_that_hold_what_they_cannot_carry(self):
        self.is_told("its links have queues", FIRST, *SMALL, "--set", "network.rate=10Mbit")

    def test_a_fault_that_does_this_to_links(self):
        self.is_told("a fault gives its links queues",
                     os.path.join(SOURCE, "scenarios/faults/degrade-rate.yaml"), "--until", "1s")

    def test_nats(self):
        self.is_told("it has NATs", os.path.join(SOURCE, "scenarios/behind-nat.yaml"),
                     "--until", "1s")

    def test_nodes_that_move(self):
        self.is_told("its nodes change their addresses",
                     os.path.join(SOURCE, "scenarios/faults/move.yaml"), "--until", "1s")

    def test_modules(self):
        self.is_told("its nodes load modules",
                     os.path.join(SOURCE, "scenarios/faults/upgrade.yaml"), "--until", "1s")

    def test_disks_that_fail(self):
        self.is_told("its disks fail", os.path.join(SOURCE, "scenarios/faults/dht-on-bad-disks.yaml"),
                     "--until", "1s")

    def test_flows(self):
        path = os.path.join(SOURCE, "scenarios/simgrid/shared-backbone.yaml")
        if "no SimGrid" in weft("run", path, "--until", "1s").stderr:
            self.skipTest("built without SimGrid")
        self.is_told("its network is one of flows", path, "--until", "1s")

    def test_allocations_that_fail_by_number(self):
        self.is_told("--fail counts in the order of one", FIRST, *SMALL, "--fail", "memory:5")

    def test_a_wrong_number_is_told(self):
        for wrong in ("0", "65", "-1", "two", "2.5", "", "99999999999999999999"):
            run = weft("run", FIRST, "--threads", wrong)
            self.assertEqual(run.returncode, 2)
            self.assertIn(f"\"{wrong}\" is no number of threads: --threads takes one from 1 to 64",
                          run.stderr)
        self.assertIn("needs a value: --threads N", weft("run", FIRST, "--threads").stderr)

    def test_other_commands_know_no_threads(self):
        for command in ("sweep", "trail", "diff"):
            run = weft(command, FIRST, "--threads", "2")
            self.assertEqual(run.returncode, 2)
            self.assertIn("unknown option \"--threads\"", run.stderr)

    def test_more_threads_than_the_system_gives_are_told(self):
        run = subprocess.run(["sh", "-c", f"ulimit -Ss 4000000; ulimit -v 3000000; exec '{WEFT}' "
                              f"run '{FIRST}' "
                              "--set population=20 --until 1s --threads 64"],
                             capture_output=True, text=True, timeout=SECONDS_MAX)
        self.assertIn("weft: no 64 threads: the system starts no more of them", run.stderr)
        self.assertEqual(run.returncode, 3)


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=2)
    count = program.result.testsRun
    wrong = len(program.result.failures) + len(program.result.errors)
    print(f"{max(count - wrong, 0)} passed, {wrong} failed")
    sys.exit(not program.result.wasSuccessful())
