#!/usr/bin/env python3
"""The weft command from outside: exit statuses, the page, JSON, the line that repeats a run."""

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import unittest

WEFT = os.path.abspath(os.path.join(os.environ.get("WEFT_BIN", "build/bin"), "weft"))

GOOD = """\
name: small
about: Twenty nodes and a short partition.
population: 20
stop: 60s
join: {from: seeds, seeds: 3, over: 2s}
network:
  delay: 20ms
workload:
  - put: {from: 5s, every: 500ms, until: 40s}
  - get: {from: 6s, every: 250ms}
faults:
  - partition: {at: 10s, for: 10s, sides: [50%, 50%]}
checks:
  - stored_found: {within: 15s, at_least: 90%}
  - no_leak
  - no_surprise
"""

# The partition heals at 20 s and the run ends at 60 s: there is never calm for 50 s.
DEAD_CHECK = GOOD.replace("workload:\n", "workload:\n  - lookup: {from: 5s, every: 1s}\n")
DEAD_CHECK += "  - closest: {within: 50s}\n"
# Nobody is down when nodes are to be restarted: injected, and changes nothing.
DEAD_FAULT = GOOD.replace("faults:\n", "faults:\n  - restart: {at: 30s}\n")
# Nothing is stored yet when the only get comes.
HOLLOW = GOOD.replace("- get: {from: 6s, every: 250ms}", "- get: {from: 6s, every: 250ms}\n  - get: {at: 4s}")

KEYS = {
    "scenario", "seed", "build", "hash", "events", "virtual_s", "wall_s", "peak_rss_bytes",
    "nodes", "faults", "checks", "workload", "verdict",
}


def weft(*args, **kwargs):
    return subprocess.run([WEFT, *args], capture_output=True, text=True, timeout=120, **kwargs)


class Cli(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()

    def tearDown(self):
        self.folder.cleanup()

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def file(self, text, name="scenario.yaml"):
        with open(self.path(name), "w", encoding="utf-8") as out:
            out.write(text)
        return self.path(name)

    def run_json(self, *args):
        done = weft("run", *args, "--json")
        self.assertIn(done.returncode, (0, 1), done.stderr)
        return json.loads(done.stdout)

    def test_a_run_that_holds_exits_0_with_every_key(self):
        done = weft("run", self.file(GOOD), "--json")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        report = json.loads(done.stdout)
        self.assertEqual(KEYS - report.keys(), set())
        self.assertEqual(report["scenario"], "small")
        self.assertEqual(report["seed"], 1)
        self.assertEqual(report["nodes"], 20)
        self.assertEqual(report["verdict"], "holds")
        self.assertEqual(report["reasons"], [])
        self.assertRegex(report["hash"], "^[0-9a-f]{32}$")
        self.assertGreaterEqual(report["virtual_s"], 60)
        self.assertGreater(report["peak_rss_bytes"], 0)
        self.assertEqual(report["faults"][0]["kind"], "partition")
        self.assertEqual(report["faults"][0]["injected"], 1)
        self.assertEqual(report["faults"][0]["bit"], 1)
        self.assertEqual([check["name"] for check in report["checks"]],
                         ["stored_found", "no_leak", "no_surprise"])
        for check in report["checks"]:
            self.assertGreater(check["evaluated"], 0, check)
        for work in report["workload"]:
            self.assertGreater(work["done"], 0, work)
            self.assertEqual(work["asked"], work["done"] + work["failed"] + work["lost"], work)

    def test_the_same_seed_gives_the_same_hash_and_another_seed_another(self):
        path = self.file(GOOD)
        first, again, other = (self.run_json(path, "--seed", seed)["hash"] for seed in "778")
        self.assertEqual(first, again)
        self.assertNotEqual(first, other)

    def test_the_page_fits_100_columns_and_its_last_line_repeats_the_run(self):
        path = self.file(GOOD)
        page = weft("run", path, "--seed", "5", "--set", "population=12", "--until", "50s")
        lines = page.stdout.rstrip().split("\n")
        for line in lines[:-1]:
            self.assertLessEqual(len(line), 100)
        self.assertNotIn("\033", page.stdout)
        self.assertEqual(page.stderr, "")
        label, command = lines[-1].split(None, 1)
        self.assertEqual(label, "repeat")
        again = subprocess.run(shlex.split(command), capture_output=True, text=True, timeout=120)
        hashes = [[line for line in out.split("\n") if "run hash" in line]
                  for out in (page.stdout, again.stdout)]
        self.assertEqual(len(hashes[0]), 1)
        self.assertEqual(hashes[0], hashes[1])

    def test_a_path_with_spaces_is_repeated_too(self):
        path = self.file(GOOD, "it's a scenario.yaml")
        report = self.run_json(path, "--until", "30s")
        again = subprocess.run(shlex.split(report["repeat"]) + ["--json"], capture_output=True,
                               text=True, timeout=120)
        self.assertEqual(json.loads(again.stdout)["hash"], report["hash"])

    def test_a_trace_does_not_change_the_run_and_can_be_read(self):
        path, trace = self.file(GOOD), self.path("run.trace")
        plain = self.run_json(path)["hash"]
        self.assertEqual(self.run_json(path, "--trace", trace)["hash"], plain)
        ups = weft("trace", trace, "--kind", "node.up")
        self.assertEqual(ups.returncode, 0, ups.stderr)
        self.assertEqual(len(ups.stdout.splitlines()), 20)
        some = weft("trace", trace, "--node", "3", "--from", "10s", "--to", "20s")
        self.assertGreater(len(some.stdout.splitlines()), 0)
        for line in some.stdout.splitlines():
            self.assertIn("node 3 ", line)
            self.assertTrue(10 <= float(line.split()[0]) <= 20, line)
        head = weft("trace", trace, "--head")
        self.assertIn("scenario=small\nseed=1\n", head.stdout)

    def test_a_trace_that_is_cut_short_is_bad_input(self):
        trace = self.path("run.trace")
        weft("run", self.file(GOOD), "--until", "10s", "--trace", trace)
        os.truncate(trace, os.path.getsize(trace) - 3)
        done = weft("trace", trace)
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, "damaged from byte [0-9]+ on, .* lost; the rest was read; cut short: it has no end mark\n$")

    def assert_fails_for(self, text, reason):
        path = self.file(text)
        done = weft("run", path, "--json")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        report = json.loads(done.stdout)
        self.assertEqual(report["verdict"], "fails")
        self.assertEqual(len(report["reasons"]), 1, report["reasons"])
        self.assertRegex(report["reasons"][0], "^" + path + ":[0-9]+: " + reason)

    def test_a_check_that_is_never_evaluated_fails_the_run(self):
        self.assert_fails_for(DEAD_CHECK, "dead check: closest was never evaluated$")

    def test_a_fault_that_never_bites_fails_the_run(self):
        self.assert_fails_for(DEAD_FAULT, "dead fault: restart was injected 1 times and never bit$")

    def test_a_check_that_fails_says_how_often_when_who_and_what(self):
        # Half the packets lost: a promise nobody can keep.
        text = GOOD.replace("delay: 20ms", "delay: 20ms\n  loss: 60%").replace("90%", "100%")
        self.assert_fails_for(text, r"check stored_found failed \d+ of \d+ times; first at "
                                    r"\d+\.\d{3} s, node \d+: get of [0-9a-f]{8}\.\.\. ended with ")

    def test_a_workload_with_nothing_to_ask_for_fails_the_run(self):
        self.assert_fails_for(HOLLOW, "hollow workload: get asked nothing$")

    def test_set_overrides_and_is_part_of_the_run(self):
        path = self.file(GOOD)
        report = self.run_json(path, "--set", "population=9")
        self.assertEqual(report["nodes"], 9)
        self.assertIn("--set population=9", report["repeat"])

    def test_bad_input_exits_2_and_says_what(self):
        path = self.file(GOOD)
        bad = self.file(GOOD.replace("population", "popluation"), "bad.yaml")
        for args, words in [
                (("run", path, "--sed", "1"), 'unknown option "--sed", did you mean "--seed"?'),
                (("run", path, "--seed"), 'option "--seed" needs a value'),
                (("run", path, "--seed", "-1"), '"-1" is no seed'),
                (("run", path, "--seed", "18446744073709551616"), "is no seed"),
                (("run", path, "--until", "soon"), '"soon" is no time'),
                (("run", path, "--until", "1."), '"1." is no time'),
                (("run", path, "--set", "population"), "--set takes key=value"),
                (("run", path, "--set", "popluation=3"), "population"),
                (("run", path, "--json=yes"), 'option "--json" takes no value'),
                (("run", path, path), "one scenario at a time"),
                (("run", path, "--trace", "/no/such/folder/x"), "cannot be written"),
                (("run", self.path("none.yaml")), "none.yaml"),
                (("run", bad), "bad.yaml:3:1"),
                (("check", path, bad), "bad.yaml:3:1"),
                (("check", "--all"), 'unknown option "--all"'),
                (("trace", path), "not a trace file"),
                (("rnu", path), 'unknown command "rnu", did you mean "run"?'),
                (("--verison",), 'did you mean "--version"?'),
                (("run",), "usage: weft run"),
                ((), "usage: weft")]:
            done = weft(*args)
            self.assertEqual(done.returncode, 2, (args, done.stderr))
            self.assertIn(words, done.stderr, args)
            self.assertEqual(done.stdout if args[:1] != ("check",) else "", "", args)

    def test_a_panic_exits_3_and_says_where_and_how_to_repeat_it(self):
        # The run blocks once the pipe is full, so it is in its midst when the signal comes.
        pipe = self.path("pipe")
        os.mkfifo(pipe)
        path = self.file(GOOD.replace("population: 20", "population: 200"))
        with subprocess.Popen([WEFT, "run", path, "--seed", "9", "--trace", pipe],
                              stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
            with open(pipe, "rb") as events:
                self.assertEqual(events.read(8), b"WEFTTRC2")
                events.read(8192)  # of the first block: the head is written before the run
                run.send_signal(signal.SIGSEGV)
                _, stderr = run.communicate(timeout=60)
        self.assertEqual(run.returncode, 3, stderr)
        self.assertRegex(stderr, r"(?m)^panic: ")
        self.assertRegex(stderr, r"(?m)^at \d+\.\d{9} s of virtual time, node -?\d+$")
        self.assertRegex(stderr, r"(?m)^repeat: \S+ run \S+ --seed 9$")

    def test_help_and_version_exit_0(self):
        for args in [("help",), ("help", "run"), ("run", "--help"), ("--help",), ("--version",)]:
            done = weft(*args)
            self.assertEqual(done.returncode, 0, args)
            self.assertEqual(done.stderr, "")
        self.assertRegex(weft("--version").stdout, r"^weft [0-9.]+ \([0-9a-z-]+\)\n$")

    def test_check_tells_what_a_scenario_holds(self):
        done = weft("check", self.file(GOOD))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("small, 20 nodes, 2 workloads, 1 faults, 3 checks, 60 s", done.stdout)


if __name__ == "__main__":
    if not os.path.exists(WEFT):
        sys.exit(77)
    unittest.main()
