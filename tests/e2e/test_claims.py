#!/usr/bin/env python3
"""What a scenario says of its network, clocks and NATs, and what a fault says in particular, has to
show in a run: it is counted on the page, and one that never changed anything fails the run. Each
scenario here holds; its twin, with one value that cannot do anything, fails for that alone."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = os.environ.get("WEFT_SOURCE", os.getcwd())
WEFT = os.path.abspath(os.path.join(os.environ.get("WEFT_BIN", "build/bin"), "weft"))
MODULES = os.path.join(os.path.abspath(os.environ.get("WEFT_BUILD", "build")), "modules")
SECONDS_MAX = 60

HEAD = """\
name: claims
population: 12
stop: 40s
join: {over: 2s}
workload:
  - lookup: {from: 5s, every: 200ms}
checks:
  - no_surprise
"""

EVERY_PART = """\
network:
  delay: {uniform: [5ms, 20ms]}
  delay_jitter: 1ms
  loss: 1%
  burst: {good: 3s, bad: 500ms, loss: 50%}
  duplicate: 2%
  reorder: 2%
  corrupt: 1%
  rate: {speed: 1Mbit, queue: 64KB}
  mtu: 300
"""

# A value that cannot do anything, as little as it may be written without being none.
DEAD_PARTS = {
    "loss": "network.loss=0.0001%",
    "burst": "network.burst.loss=0.0001%",
    "duplicate": "network.duplicate=0.0001%",
    "reorder": "network.reorder=0.0001%",
    "corrupt": "network.corrupt=0.0001%",
    "rate": "network.rate.speed=1000GB",
    "mtu": "network.mtu=1500",
}

LINKS = """\
groups: {here: {count: 6}, there: {count: 5}, late: {count: 1, join: {at: 39s, over: 1ms}}}
network:
  delay: 10ms
  links:
    - {from: here, to: there, loss: 5%}
    - {from: late, to: late, both_ways: true, loss: 5%}
"""

DEGRADE = """\
faults:
  - degrade: {at: 10s, for: 25s, loss: 30%, mtu: 300, schedule: [{after: 5s, reorder: 20%}, {after: 10s, loss: 0%}]}
"""

NAT = """\
groups:
  open: {count: 8}
  home: {count: 4, nat: {type: port_restricted, nodes: 2}, dht: {read_only: true}}
"""

CLOCKS = """\
clocks: {offset: 5s, drift: 100ppm}
apps: [{module: almanac_v1.so}]
"""

PAUSE = """\
faults:
  - pause: {at: 20s, for: 1s, nodes: [5]}
"""

TORN = """\
apps: [{module: wal_v1.so}]
faults:
  - io_error: {at: 3s, for: 20s, nodes: all, on: sync, rate: 30%}
  - crash: {at: 5s, every: 600ms, times: 20, nodes: {of: [3-9], pick: 1}, rolling: true, for: 300ms, unsynced: torn}
"""


class Claims(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        for module in ("almanac_v1.so", "wal_v1.so", "beat_v1.so"):
            shutil.copy(os.path.join(MODULES, module), self.temporary.name)

    def tearDown(self):
        self.temporary.cleanup()

    def weft(self, text, *args):
        path = os.path.join(self.temporary.name, "claims.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        run = subprocess.run([WEFT, "run", path, *args], capture_output=True, text=True, timeout=SECONDS_MAX)
        self.assertIn(run.returncode, (0, 1), run.stdout + run.stderr)
        return run

    def page(self, text, *sets):
        run = self.weft(text, "--json", *[word for one in sets for word in ("--set", one)])
        return json.loads(run.stdout)

    def assert_holds(self, text, *sets):
        page = self.page(text, *sets)
        self.assertEqual(page["reasons"], [])
        self.assertEqual(page["verdict"], "holds")
        return page

    def assert_fails_for(self, reason, text, *sets):
        page = self.page(text, *sets)
        self.assertEqual(page["verdict"], "fails")
        self.assertEqual(len(page["reasons"]), 1, page["reasons"])
        self.assertRegex(page["reasons"][0], rf"claims\.yaml:[1-9][0-9]*: {reason}$")

    def test_each_part_of_a_network_is_counted_and_its_twin_is_dead(self):
        page = self.assert_holds(HEAD + EVERY_PART)
        bit = {one["name"]: one["bit"] for one in page["conditions"]}
        self.assertEqual(set(bit), {f"network.{part}" for part in DEAD_PARTS})
        self.assertEqual([name for name in bit if bit[name] == 0], [])
        for part, setting in DEAD_PARTS.items():
            with self.subTest(part):
                reason = rf"dead condition: network\.{part} never changed a packet"
                self.assert_fails_for(reason, HEAD + EVERY_PART, setting)

    def test_what_is_said_to_be_nothing_is_no_condition(self):
        plain = HEAD + "network: {delay: 10ms, loss: 0%, corrupt: 0%, mtu: 65535}\n"
        self.assertEqual(self.assert_holds(plain)["conditions"], [])

    def test_a_link_between_groups_counts_by_itself(self):
        page = self.page(HEAD + LINKS)
        self.assertGreater(page["conditions"][0]["bit"], 0)
        self.assert_fails_for(r"dead condition: network\.links\.1\.loss never changed a packet", HEAD + LINKS)
        self.assert_holds(HEAD + LINKS, "network.links.1.loss=0%")

    def test_each_part_and_step_of_a_degrade_is_counted_and_its_twin_is_dead(self):
        page = self.assert_holds(HEAD + DEGRADE)
        parts = page["faults"][0]["parts"]
        self.assertEqual([part["name"] for part in parts], ["loss", "mtu", "schedule.0.reorder"])
        twins = {"mtu": "mtu=65535", "loss": "loss=0%", "corrupt": "corrupt=0%",
                 r"schedule\.0\.reorder": "schedule.0.reorder=0%"}
        for part, setting in twins.items():
            with self.subTest(part):
                self.assert_fails_for(rf"dead fault: {part} of degrade never changed a packet",
                                      HEAD + DEGRADE, f"faults.0.degrade.{setting}",
                                      *(["faults.0.degrade.schedule.1.loss=1%"] if part == "loss" else []))

    def test_a_nat_that_nobody_goes_through_is_dead(self):
        page = self.assert_holds(HEAD + NAT)
        self.assertEqual(page["conditions"][0]["name"], "groups.home.nat")
        self.assertGreater(page["conditions"][0]["bit"], 100)
        silent = HEAD.replace("workload:\n  - lookup: {from: 5s, every: 200ms}\n", "dht: off\napps: [beat_v1.so]\n")
        self.assert_fails_for(r"dead condition: groups\.home\.nat was never given a packet",
                              silent + NAT.replace(", dht: {read_only: true}", ""))

    def test_clocks_that_nobody_looks_at_are_dead(self):
        page = self.assert_holds(HEAD + CLOCKS)
        self.assertEqual([one["name"] for one in page["conditions"]], ["clocks.offset", "clocks.drift"])
        self.assert_fails_for(r"dead condition: clocks\.offset was never read from a wall clock",
                              HEAD + CLOCKS, "apps=[beat_v1.so]")

    def test_a_short_pause_of_an_idle_node_is_dead(self):
        self.assert_holds(HEAD + PAUSE)
        self.assert_fails_for("dead fault: pause was injected 1 times and never bit",
                              HEAD + PAUSE, "faults.0.pause.for=1ms")

    def test_a_crash_that_tears_nothing_is_dead_as_far_as_that_goes(self):
        text = HEAD.replace("workload:\n  - lookup: {from: 5s, every: 200ms}\n", "dht: off\n") + TORN
        page = self.assert_holds(text)
        self.assertEqual([part["name"] for part in page["faults"][1]["parts"]], ["unsynced"])
        sound = text.replace("  - io_error: {at: 3s, for: 20s, nodes: all, on: sync, rate: 30%}\n", "")
        for what in ("torn", "lost", "kept"):
            self.assert_fails_for("dead fault: unsynced of crash never found anything that was not synced",
                                  sound.replace("unsynced: torn", f"unsynced: {what}"))
        self.assert_holds(sound.replace("unsynced: torn", "unsynced: drawn"))

    def test_the_page_shows_them_beside_the_faults(self):
        shown = self.weft(HEAD + EVERY_PART + DEGRADE).stdout
        self.assertRegex(shown, r"\n  parts of faults +bit\n  degrade\.loss +[0-9,]+\n")
        self.assertRegex(shown, r"\n  conditions +bit\n  network\.loss +[0-9,]+\n")

    def test_a_run_that_is_cut_short_does_not_miss_them(self):
        run = self.weft(HEAD + EVERY_PART, "--until", "100ms", "--json")
        page = json.loads(run.stdout)
        self.assertFalse([reason for reason in page["reasons"] if "dead condition" in reason])

    def test_what_swarm_draws_is_not_judged_in_one_run(self):
        text = HEAD + "network: {loss: 0.0001%}\nswarm:\n  population: 12..13\n"
        page = self.page(text)
        self.assertEqual([one["name"] for one in page["swarm"]], ["population"])
        self.assertEqual([one["bit"] for one in page["conditions"]], [0])
        self.assertEqual(page["reasons"], [])


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=2)
    count = program.result.testsRun
    wrong = len(program.result.failures) + len(program.result.errors)
    print(f"{max(count - wrong, 0)} passed, {wrong} failed")
    sys.exit(not program.result.wasSuccessful())
