#!/usr/bin/env python3
"""Bandwidth as SimGrid shares it: the same times as SimGrid by itself, the same hash every time, the
scenario's faults on top, and clear words when a platform or SimGrid itself is wrong or missing."""
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

BIN = os.path.abspath(os.environ.get("WEFT_BIN", "build/bin"))
SOURCE = os.path.abspath(os.environ.get("WEFT_SOURCE", "."))
WEFT = os.path.join(BIN, "weft")
PART = os.path.join(BIN, "weft-simgrid.so")
TESTS = os.path.join(os.path.dirname(BIN), "tests")
SCENARIO = os.path.join(SOURCE, "scenarios/simgrid", "shared-backbone.yaml")
CLUSTER = os.path.join(SOURCE, "scenarios/simgrid/cluster.xml")
SLOW_LINE = os.path.join(SOURCE, "scenarios/simgrid", "slow-line.yaml")
STREAMS = os.path.join(SOURCE, "scenarios/simgrid", "streams.yaml")
CROWD = "more than a third of the hosts, which is slow"
CUT, NO_NODE, FAULT = 2, 3, 5  # enum sim_loss

# Two sites of two machines each and one slow line between them.
SITES = """<?xml version='1.0'?>
<!DOCTYPE platform SYSTEM "https://simgrid.org/simgrid.dtd">
<platform version="4.1">
  <zone id="all" routing="Full">
    <host id="a" speed="1Gf"/><host id="b" speed="1Gf"/>
    <host id="c" speed="1Gf"/><host id="d" speed="1Gf"/>
    <link id="slow" bandwidth="1MBps" latency="30ms"/>
    <link id="left" bandwidth="10MBps" latency="1ms"/>
    <link id="right" bandwidth="10MBps" latency="1ms"/>
    <route src="a" dst="b"><link_ctn id="left"/></route>
    <route src="c" dst="d"><link_ctn id="right"/></route>
    <route src="a" dst="c"><link_ctn id="left"/><link_ctn id="slow"/></route>
    <route src="a" dst="d"><link_ctn id="slow"/><link_ctn id="right"/></route>
    <route src="b" dst="c"><link_ctn id="slow"/></route>
    <route src="b" dst="d"><link_ctn id="slow"/></route>
  </zone>
</platform>
"""


def transfers(hosts, count, over, seed):
    draw = random.Random(seed)
    starts = sorted(draw.sample(range(int(over * 1e6)), count))
    lines = []
    for start in starts:
        source, target = draw.sample(range(hosts), 2)
        size = draw.choice([7, 4096, 20000, 100000, 1000000])
        lines.append(f"{start / 1e6:.9f} {source} {target} {size}")
    return "\n".join(lines) + "\n"


def times(command, text):
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise AssertionError(f"{command}: {done.returncode}: {done.stderr}")
    rows = [line.split() for line in done.stdout.splitlines()]
    return {int(row[0]): round(float(row[1]) * 1e9) for row in rows}


def run(*arguments):
    return subprocess.run([WEFT, *arguments], capture_output=True, text=True, timeout=120)


@unittest.skipUnless(os.path.exists(PART), "built without SimGrid")
class WithSimGrid(unittest.TestCase):
    def same_times(self, platform, model, text):
        alone = times([os.path.join(TESTS, "simgrid_alone"), platform, model], text)
        through = times([os.path.join(TESTS, "simgrid_through"), PART, platform, model], text)
        self.assertEqual(len(alone), text.count("\n"))
        self.assertEqual(alone.keys(), through.keys())
        worst = max(abs(alone[key] - through[key]) for key in alone)
        self.assertLessEqual(worst, 1, f"{model}: {worst} ns apart")  # the rounding of one side

    def test_the_times_are_those_of_simgrid_alone(self):
        with tempfile.TemporaryDirectory() as folder:
            sites = os.path.join(folder, "sites.xml")
            with open(sites, "w") as out:
                out.write(SITES)
            for model in ("LV08", "CM02", "SMPI", "IB"):
                self.same_times(CLUSTER, model, transfers(16, 2000, 10, 1))
                self.same_times(sites, model, transfers(4, 200, 300, 2))

    def test_a_scenario_gives_one_hash_and_flows(self):
        runs = [json.loads(run("run", "--json", SCENARIO).stdout) for _ in range(2)]
        self.assertEqual(runs[0]["hash"], runs[1]["hash"])
        self.assertEqual(runs[0]["verdict"], "holds")
        self.assertGreater(runs[0]["flows"]["begun"], 10000)
        self.assertGreater(runs[0]["faults"][0]["bit"], 0)

    def test_a_fault_catches_what_is_under_way(self):
        with tempfile.TemporaryDirectory() as folder:
            trace = os.path.join(folder, "run.trace")
            self.assertEqual(run("run", SLOW_LINE, "--trace", trace).returncode, 0)
            lines = run("trace", trace, "--jsonl", "-", "--kind", "packet").stdout.splitlines()
        sent, caught, through = {}, {CUT: 0, NO_NODE: 0, FAULT: 0}, 0
        for event in map(json.loads, lines):
            at, node = event["at"] / 1e9, event["node"]
            if event["event"] == "packet.sent":
                sent[node, event["packet"]] = at
            elif event["event"] == "packet.lost":
                if event["size"] > 600 and at > sent[node, event["packet"]]:
                    caught[event["cause"]] += 1
            elif 40 < at < 50 and (node < 12) != (event["from"] < 12):
                through += 1
        self.assertEqual(through, 0)
        self.assertGreater(caught[CUT], 5)
        self.assertGreater(caught[FAULT], 2)
        self.assertGreater(caught[NO_NODE], 2)

    def test_streams_share_bandwidth_and_keep_their_order(self):
        runs = [json.loads(run("run", "--json", STREAMS).stdout) for _ in range(2)]
        self.assertEqual(runs[0]["hash"], runs[1]["hash"])
        self.assertEqual(runs[0]["verdict"], "holds")
        self.assertGreater(runs[0]["flows"]["begun"], 10000)
        self.assertTrue(all(fault["bit"] > 0 for fault in runs[0]["faults"]))

    def test_the_page_warns_of_a_crowd(self):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(SCENARIO, folder)
            scenario = os.path.join(folder, os.path.basename(SCENARIO))
            with open(CLUSTER) as text, open(os.path.join(folder, "cluster.xml"), "w") as out:
                out.write(text.read().replace("0-15", "0-199"))
            roomy = run("run", scenario).stdout
            self.assertRegex(roomy, r"flows +[0-9,]+, at most [0-9]+ at once\n")
            self.assertNotIn(CROWD, roomy)
            self.assertIn(CROWD, run("run", SCENARIO).stdout)

    def test_a_slower_platform_is_slower(self):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(SCENARIO, folder)
            with open(CLUSTER) as text, open(os.path.join(folder, "cluster.xml"), "w") as out:
                out.write(text.read().replace("125MBps", "3MBps").replace("1.25GBps", "9MBps"))
            slow = self.latency(os.path.join(folder, os.path.basename(SCENARIO)), folder)
            self.assertGreater(slow, self.latency(SCENARIO, folder))

    def latency(self, scenario, folder):
        """The ninth tenth of what packets take, in seconds."""
        trace = os.path.join(folder, "run.trace")
        self.assertEqual(run("run", scenario, "--trace", trace).returncode, 0)
        told = json.loads(run("stats", trace, "--json", "--metric", "packet.p90").stdout)
        return told["groups"][0]["metrics"]["packet.p90"]["median"]

    def test_a_platform_that_simgrid_refuses_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(SCENARIO, folder)
            platform = os.path.join(folder, "cluster.xml")
            for text in ("<platform", SITES.replace('id="b"', 'id="a"'), ""):
                with open(platform, "w") as out:
                    out.write(text)
                done = run("run", os.path.join(folder, os.path.basename(SCENARIO)))
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(f"{platform}:1:1: SimGrid refuses this platform: ", done.stderr)

    def test_each_of_many_seeds_has_a_simgrid_of_its_own(self):
        sums = [json.loads(run("run", "--json", "--seed", str(first), "--seeds", "3",
                               SCENARIO).stdout) for first in (1, 1, 2)]
        alone = [json.loads(run("run", "--json", "--seed", str(seed), SCENARIO).stdout)
                 for seed in (1, 2, 3)]
        self.assertEqual(sums[0]["held"], 3)
        self.assertEqual(sums[0]["hash"], sums[1]["hash"])
        self.assertNotEqual(sums[0]["hash"], sums[2]["hash"])
        self.assertEqual(sums[0]["events"], sum(page["events"] for page in alone))

    def test_a_seed_whose_process_dies_is_told_with_its_repeat_line(self):
        weft = subprocess.Popen([WEFT, "run", "--seeds", "1000", SCENARIO], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            time.sleep(1)  # the first child tries the platform, and is no seed
            children = []
            while not children:
                with open(f"/proc/{weft.pid}/task/{weft.pid}/children") as names:
                    children = names.read().split()
            os.kill(int(children[0]), signal.SIGKILL)
            _, told = weft.communicate(timeout=60)
        finally:
            weft.kill()
        self.assertEqual(weft.returncode, 3, told)
        self.assertRegex(told, "the run could not go on: .*\nrepeat: .* --seed [0-9]+")


class WithoutSimGrid(unittest.TestCase):
    def test_a_program_without_the_part_says_what_to_do(self):
        with tempfile.TemporaryDirectory() as folder:
            program = os.path.join(folder, "weft")
            shutil.copy(WEFT, program)
            done = subprocess.run([program, "run", SCENARIO], capture_output=True, text=True,
                                  timeout=60)
            self.assertEqual(done.returncode, 2)
            self.assertIn("install libsimgrid-dev", done.stderr)

    def test_a_missing_platform_is_named_by_place(self):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(SCENARIO, folder)
            done = run("check", os.path.join(folder, os.path.basename(SCENARIO)))
            self.assertEqual(done.returncode, 2)
            self.assertRegex(done.stderr, r"yaml:9:13: 'cluster.xml' cannot be read")


if __name__ == "__main__":
    unittest.main(argv=sys.argv, verbosity=0)
