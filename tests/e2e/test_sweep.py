#!/usr/bin/env python3
"""weft sweep: every call of scenarios/sweep that may fail is made to, once each, and none is the end of anything;
what cannot bear it is found, named, and repeated by the line that is told."""

import glob
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = os.environ.get("WEFT_SOURCE", os.getcwd())
WEFT = os.path.abspath(os.path.join(os.environ.get("WEFT_BIN", "build/bin"), "weft"))
MODULES = os.path.join(os.path.abspath(os.environ.get("WEFT_BUILD", "build")), "modules")

FRAIL = """name: frail
population: 2
stop: 3s
dht: off
join: {from: chain, over: 100ms}
apps: [beat_v1.so]
faults:
  - crash: {at: 2s, nodes: [1]}
checks: [no_surprise]
"""


class Sweep(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = self.temporary.name
        scenarios = os.path.join(SOURCE, "scenarios/sweep")
        for path in glob.glob(os.path.join(scenarios, "*.yaml")) + glob.glob(os.path.join(MODULES, "*.so")):
            shutil.copy(path, self.folder)
        with open(self.path("frail.yaml"), "w", encoding="utf-8") as file:
            file.write(FRAIL)

    def tearDown(self):
        self.temporary.cleanup()

    def path(self, name):
        return os.path.join(self.folder, name)

    def weft(self, *args):
        return subprocess.run([WEFT, *args], capture_output=True, text=True, timeout=500)

    def page(self, status, *args):
        run = self.weft(*args, "--json")
        self.assertEqual(run.returncode, status, run.stdout + run.stderr)
        return json.loads(run.stdout)

    def survives(self, name, *kinds):
        page = self.page(0, "sweep", self.path(name))
        self.assertEqual(page["findings"], [])
        sums = {one["kind"]: one for one in page["points"]}
        for kind in kinds:
            self.assertGreater(sums[kind]["count"], 0, kind)
            self.assertEqual(sums[kind]["refused"], sums[kind]["count"])
            self.assertEqual(sums[kind]["survived"], sums[kind]["count"])

    def test_a_small_dht_survives_every_single_failure(self):
        self.survives("small-dht.yaml", "memory", "disk", "net")

    def test_applications_that_talk_survive_every_single_failure(self):
        self.survives("apps.yaml", "memory", "disk", "net", "job", "load", "app")

    def test_what_cannot_bear_it_is_found_and_repeated(self):
        page = self.page(1, "sweep", self.path("frail.yaml"), "--points", "memory")
        self.assertGreater(page["found"], 0)
        finding = next(one for one in page["findings"] if "by beat on node" in one["site"])
        self.assertIn("alloc of", finding["site"])
        self.assertIn("tests/modules/beat.c", finding["reason"])
        again = self.page(1, *shlex.split(finding["repeat"])[1:])
        self.assertEqual(again["reasons"][0], finding["reason"])
        self.assertEqual(again["fail"], finding["site"])
        self.assertEqual(self.page(1, *shlex.split(finding["repeat"])[1:])["hash"], again["hash"])

    def test_points_are_chosen_by_kind_node_and_number(self):
        def sums(*args):
            page = self.page(0, "sweep", self.path("small-dht.yaml"), *args)
            return {one["kind"]: one for one in page["points"]}
        some = sums("--points", "disk", "--every", "10")
        self.assertEqual(list(some), ["disk"])
        self.assertEqual(some["disk"]["refused"], (some["disk"]["count"] + 9) // 10)
        self.assertEqual(sums("--points", "net", "--max", "7")["net"]["refused"], 7)
        of_one = sums("--points", "disk", "--node", "2", "--max", "3")["disk"]
        self.assertLess(of_one["count"], some["disk"]["count"])

    def test_the_page_of_a_run_names_the_call_that_failed(self):
        run = self.weft("run", self.path("small-dht.yaml"), "--fail", "disk:9@1")
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        self.assertRegex(run.stdout, r"failed +disk:9@1, \w+ by dht on node 1 at \d+\.\d+ s")

    def test_a_point_that_is_never_reached_is_a_dead_fault(self):
        page = self.page(1, "run", self.path("small-dht.yaml"), "--fail", "job:1")
        self.assertEqual(page["reasons"], ["dead fault: job:1 was never reached, there are 0"])

    def test_a_scenario_that_does_not_hold_is_not_swept(self):
        run = self.weft("sweep", self.path("frail.yaml"), "--set", "faults.0.crash.at=1ms")
        self.assertEqual(run.returncode, 1)
        self.assertIn("the scenario does not hold without a failure: ", run.stderr)

    def test_bad_input_is_told(self):
        file = self.path("small-dht.yaml")
        wrong = [
            (["run", file, "--fail", "memory"], 'weft: "memory" is no point: --fail takes one such as memory:12'),
            (["run", file, "--fail", "memory:0"], '"memory:0" is no point'),
            (["run", file, "--fail", "memroy:1"], '"memroy:1" is no point'),
            (["run", file, "--fail", "memory:1@x"], '"memory:1@x" is no point'),
            (["run", file, "--fail", "memory:1", "--seeds", "3"], "--fail is of one seed, not with --seeds"),
            (["sweep", file, "--points", "memroy"], 'unknown kind of point "memroy", did you mean "memory"?'),
            (["sweep", file, "--points", "x"], 'unknown kind of point "x", expected some of memory, disk, net, job, load'),
            (["sweep", file, "--every", "0"], '"0" is no number: --every takes one from 1'),
            (["sweep", file, "--node", "a"], '"a" is no node'),
            (["sweep", file, file], "one scenario at a time"),
            (["sweep"], "usage: weft sweep FILE"),
        ]
        for args, told in wrong:
            with self.subTest(args[1:]):
                run = self.weft(*args)
                self.assertEqual(run.returncode, 2)
                self.assertIn(told, run.stderr)


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=2)
    count = program.result.testsRun
    wrong = len(program.result.failures) + len(program.result.errors)
    print(f"{max(count - wrong, 0)} passed, {wrong} failed")
    sys.exit(not program.result.wasSuccessful())
