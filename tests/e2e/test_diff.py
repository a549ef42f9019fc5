#!/usr/bin/env python3
"""weft diff from outside: runs that are alike, seeds and scenarios that part, at which event; and
what is not the same twice is found, with the node that did it."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

BIN = os.path.abspath(os.environ.get("WEFT_BIN", "build/bin"))
WEFT = os.path.join(BIN, "weft")
MODULES = os.path.join(os.path.dirname(BIN), "modules")

SMALL = """\
name: small
about: Twenty nodes and a late partition.
population: 20
stop: 60s
join: {from: seeds, seeds: 3, over: 2s}
network:
  delay: 20ms
workload:
  - put: {from: 5s, every: 500ms, until: 40s}
  - get: {from: 6s, every: 250ms}
faults:
  - partition: {at: 40s, for: 10s, sides: [50%, 50%]}
checks:
  - no_leak
"""

WOBBLE = """\
name: wobble
about: Three nodes whose application is not the same twice.
population: 3
stop: 12s
dht: off
groups:
  loud: {count: 1, apps: [wobble_v%u.so]}
checks: [no_leak]
"""


class Diff(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.small = self.path("small.yaml", SMALL)

    def tearDown(self):
        self.folder.cleanup()

    def path(self, name, text):
        path = os.path.join(self.folder.name, name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        return path

    def diff(self, status, *args, **kwargs):
        done = subprocess.run([WEFT, "diff", *args], capture_output=True, text=True, timeout=120,
                              **kwargs)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done

    def first_event(self, page):
        """Number and time of the event in which they part."""
        after = page.split("the first event that is not alike\n")
        self.assertEqual(len(after), 2, page)
        found = re.search(r"event (\d+) at (\d+)\.\d+ s", after[1])
        self.assertTrue(found, page)
        return int(found.group(1)), int(found.group(2)), after[1]

    def test_a_run_is_alike_to_itself(self):
        page = self.diff(0, self.small).stdout
        hash_of = re.search(r"(?m)^alike: [\d,]+ events, run hash ([0-9a-f]{32})$", page)
        self.assertTrue(hash_of, page)
        run = subprocess.run([WEFT, "run", self.small], capture_output=True, text=True, timeout=60)
        self.assertIn(hash_of.group(1), run.stdout)

    def test_two_seeds_part_before_the_first_event(self):
        page = self.diff(1, self.small, "--seed", "1", "--", "--seed", "2").stdout
        number, at, _ = self.first_event(page)
        self.assertEqual((number, at), (0, 0))
        self.assertRegex(page, r"(?m)^A: .* --seed 1$")
        self.assertRegex(page, r"(?m)^B: .* --seed 2$")

    def test_another_fault_is_named_when_it_comes(self):
        other = self.path("other.yaml", SMALL.replace("[50%, 50%]", "[25%, 75%]"))
        _, at, event = self.first_event(self.diff(1, self.small, other).stdout)
        self.assertEqual(at, 40)
        self.assertIn("the scenario: call", event)
        self.assertRegex(event, r"(?m)^  A ")
        self.assertRegex(event, r"(?m)^  B ")

    def test_as_json_a_run_is_alike_to_itself(self):
        page = json.loads(self.diff(0, self.small, "--json").stdout)
        self.assertIs(page["alike"], True)
        self.assertGreater(page["events"], 0)
        self.assertEqual(page["hashes"][0], page["hashes"][1])
        self.assertEqual(len(page["runs"]), 2)

    def test_as_json_the_first_event_that_is_not_alike_is_told(self):
        other = self.path("other.yaml", SMALL.replace("[50%, 50%]", "[25%, 75%]"))
        page = json.loads(self.diff(1, self.small, other, "--json").stdout)
        self.assertIs(page["alike"], False)
        self.assertIs(page["repeats"], True)
        self.assertLessEqual(page["from"], 40)
        self.assertGreaterEqual(page["to"], 40)
        self.assertGreater(page["not_alike"], 0)
        self.assertTrue(page["before"])
        self.assertIn("the scenario: call", page["event"])
        self.assertTrue(page["A"])
        self.assertTrue(page["B"])
        self.assertNotEqual(page["A"][0], page["B"][0])
        self.assertIn("other.yaml", page["runs"][1])

    def test_a_value_set_on_one_side_counts_there_alone(self):
        args = ["--set", "population=10", "--", "--set", "network.delay=21ms"]
        page = self.diff(1, self.small, *args).stdout
        self.assertRegex(page, r"(?m)^B: .*--set population=10 --set network.delay=21ms$")
        _, at, event = self.first_event(page)
        self.assertLess(at, 2)
        self.assertIn("packet", event)

    def test_a_shorter_run_parts_where_it_is_stopped(self):
        _, at, _ = self.first_event(self.diff(1, self.small, "--", "--until", "30s").stdout)
        self.assertEqual(at, 30)

    def test_another_build_is_run_by_its_path(self):
        copy = os.path.join(self.folder.name, "weft")
        shutil.copy(WEFT, copy)
        self.assertIn("alike", self.diff(0, self.small, "--", "--with", copy).stdout)

    def wobble(self, version):
        shutil.copy(os.path.join(MODULES, f"wobble_v{version}.so"), self.folder.name)
        _, at, event = self.first_event(self.diff(1, self.path("w.yaml", WOBBLE % version)).stdout)
        self.assertEqual(at, 5, event)
        node = re.search(r"event \d+ at \S+ s, node (\d+): wake", event).group(1)
        self.assertRegex(event, rf"(?m)^  A +schedules for node {node}: wake")
        self.assertRegex(event, rf"(?m)^  B +schedules for node {node}: wake")

    def test_memory_that_nobody_wrote_is_found(self):
        self.wobble(2)

    def test_an_address_that_decides_is_found(self):
        with open("/proc/sys/kernel/randomize_va_space", encoding="utf-8") as value:
            if value.read().strip() == "0":
                self.skipTest("addresses are not randomised here")
        self.wobble(1)

    def test_bad_input_is_told_once(self):
        for args, what in (
                ([], "usage: weft diff"),
                ([self.small, self.small, self.small], "one too many"),
                ([self.small, "--sed", "1"], 'did you mean "--seed"?'),
                ([self.small, "--", "--seed", "x"], "is no seed"),
                ([self.small, "--", "--set", "popluation=3"], "did you mean 'population'"),
                ([self.small + "x"], self.small + "x"),
                ([self.small, "--", "--with", "/nowhere/weft"], "/nowhere/weft cannot be run")):
            with self.subTest(args=args):
                done = self.diff(2, *args)
                self.assertEqual(done.stderr.count(what), 1, done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv, verbosity=0)
