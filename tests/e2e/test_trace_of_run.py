#!/usr/bin/env python3
"""What `weft run --trace` writes: the run is the same with and without it, whatever is in it; and
the file alone tells all that the run's page says, and what the nodes were meanwhile."""

import collections
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE = os.environ.get("WEFT_SOURCE", os.getcwd())
WEFT = os.path.abspath(os.path.join(os.environ.get("WEFT_BIN", "build/bin"), "weft"))
FAULTS = os.path.join(SOURCE, "scenarios/faults")
MESH = """
name: told
about: |
  Two lines
  of it.
population: 24
join: {from: seeds, seeds: 3, over: 2s}
network:
  delay: {uniform: [20ms, 60ms]}
  loss: 1%
workload:
  - put: {every: 300ms, from: 5s, until: 20s}
  - get: {every: 200ms, from: 8s}
faults:
  - partition: {at: 12s, for: 5s, sides: [50%, 50%]}
  - isolate: {at: 15s, for: 5s, nodes: 3}
  - crash: {at: 14s, every: 2s, until: 20s, nodes: 1, for: 4s}
  - degrade: {at: 21s, for: 5s, nodes: all, loss: 10%}
checks:
  - stored_found: {within: 10s, at_least: 50%}
  - no_leak
stop: 40s
"""

LINE = re.compile(r"^ *([0-9.]+) s  (?:node (\d+)|-) +([a-z_.]+) *(.*)$")
FIELD = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S+)')


def weft(*args):
    return subprocess.run([WEFT, *args], capture_output=True, text=True, timeout=120)


class Event:
    def __init__(self, line):
        found = LINE.match(line)
        if found is None:
            raise ValueError(line)
        self.at, self.node = float(found.group(1)), found.group(2)
        self.kind, self.fields = found.group(3), {}
        for name, value in FIELD.findall(found.group(4)):
            self.fields[name] = value.strip('"')

    def number(self, name):
        return int(self.fields[name], 0)


class TraceOfRun(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="weft-told-")
        self.trace = os.path.join(self.folder, "run.trace")
        self.mesh = os.path.join(self.folder, "mesh.yaml")
        with open(self.mesh, "w", encoding="utf-8") as file:
            file.write(MESH)

    def tearDown(self):
        shutil.rmtree(self.folder)

    def page(self, path, *args):
        run = weft("run", path, "--json", *args)
        self.assertIn(run.returncode, (0, 1), run.stderr)
        return json.loads(run.stdout)

    def events(self, *args):
        run = weft("trace", self.trace, *args)
        self.assertEqual(run.returncode, 0, run.stderr)
        return [Event(line) for line in run.stdout.splitlines()]

    def traced(self, path, *args):
        page = self.page(path, "--trace", self.trace, *args)
        return page, self.events()

    def head(self):
        lines = weft("trace", self.trace, "--head").stdout.splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    # --- the run is the same ---

    def test_no_mask_and_no_thread_changes_the_run_or_the_trace(self):
        plain = self.page(self.mesh)
        masks = ([], ["--trace-packets"], ["--trace-only", "log"], ["--trace-only", "packet,run"],
                 ["--trace-only", "node.sample"], ["--trace-only", "dht", "--trace-only", "fault"])
        for mask in masks:
            with self.subTest(mask):
                files = []
                for threads in ("1", "2"):
                    page = self.page(self.mesh, "--trace", self.trace, "--threads", threads, *mask)
                    for what in ("hash", "events", "verdict", "faults", "checks", "workload",
                                 "node_bytes_peak"):
                        self.assertEqual(page[what], plain[what], what)
                    with open(self.trace, "rb") as file:
                        files.append(file.read())
                self.assertEqual(files[0], files[1])

    # --- the page ---

    def check_page(self, page, events):
        of = collections.defaultdict(list)
        for event in events:
            of[event.kind].append(event)
        rows = (("run.fault", "faults", "kind", ("injected", "bit", "line")),
                ("run.check", "checks", "name", ("evaluated", "failed", "line")),
                ("run.work", "workload", "kind", ("asked", "done", "line")))
        for kind, table, name, numbers in rows:
            self.assertEqual(len(of[kind]), len(page[table]), kind)
            for i, (event, row) in enumerate(zip(of[kind], page[table])):
                self.assertEqual(event.number(kind[4:]), i)
                self.assertEqual(event.fields["name"], row[name])
                for number in numbers:
                    self.assertEqual(event.number(number), row[number], (kind, number))
        parts = [(i + 1, part) for i, fault in enumerate(page["faults"]) for part in fault["parts"]]
        parts += [(0, part) for part in page["conditions"]]
        told = [{"fault": event.number("fault"), "name": event.fields["name"], "bit": event.number("bit"),
                 "line": event.number("line")} for event in of["run.part"]]
        self.assertEqual(sorted(map(str, told)), sorted(str({"fault": fault, **{key: part[key] for key in ("name", "bit", "line")}})
                                                        for fault, part in parts))
        reasons = [event.fields["reason"].replace('\\"', '"') for event in of["run.reason"]]
        self.assertEqual(reasons, page["reasons"])
        self.assertEqual(len(of["run.end"]), 1)
        end = of["run.end"][0]
        self.assertIs(events[-1], end)
        self.assertEqual(end.fields["held"] == "yes", page["verdict"] == "holds")
        self.assertEqual(end.number("events"), page["events"])
        self.assertEqual(end.number("nodes"), page["nodes"])
        self.assertEqual("%016x%016x" % (end.number("hash_high"), end.number("hash_low")),
                         page["hash"])
        self.assertEqual(end.fields["repeat"].replace('\\"', '"'), page["repeat"])

    def test_the_trace_ends_with_the_page(self):
        page, events = self.traced(self.mesh)
        self.assertGreaterEqual(len(page["faults"]), 3)
        self.assertTrue(page["conditions"])
        self.assertEqual([part["name"] for part in page["faults"][3]["parts"]], ["loss"])
        self.check_page(page, events)

    def test_a_run_that_fails_says_why_in_its_trace(self):
        page, events = self.traced(os.path.join(FAULTS, "isolate.yaml"),
                                   "--set", "faults.0.isolate.nodes=late")
        self.assertEqual(page["verdict"], "fails")
        self.assertGreater(len(page["reasons"]), 0)
        self.check_page(page, events)

    def test_the_page_is_written_whatever_else_is_not(self):
        page = self.page(self.mesh, "--trace", self.trace, "--trace-only", "log")
        events = self.events()
        self.check_page(page, events)
        kinds = {event.kind for event in events}
        self.assertLessEqual(kinds, {"log", "run.fault", "run.check", "run.work", "run.part", "run.end"})

    def test_the_head_says_what_was_run_and_how_to_repeat_it(self):
        page = self.page(self.mesh, "--seed", "7", "--trace", self.trace)
        head = self.head()
        self.assertEqual(head["scenario"], "told")
        self.assertEqual(head["about"].strip(), "Two lines of it.")
        self.assertEqual((head["seed"], head["nodes"], head["stop"]), ("7", "24", "40000000000"))
        self.assertEqual(head["file"], self.mesh)
        self.assertEqual(head["repeat"], page["repeat"])
        self.assertEqual(head["build"], page["build"])
        again = subprocess.run(head["repeat"].split() + ["--json"], capture_output=True, text=True,
                               timeout=120)
        self.assertEqual(json.loads(again.stdout)["hash"], page["hash"])

    def test_checks_that_fail_are_told_when_they_do_up_to_a_hundred(self):
        page, events = self.traced(self.mesh, "--set", "checks.0.stored_found.within=1s",
                                   "--set", "workload.1.get.every=20ms", "--set", "network.loss=50%")
        failed = [event for event in events if event.kind == "check.failed"]
        for i, check in enumerate(page["checks"]):
            told = [event for event in failed if event.number("check") == i]
            self.assertEqual(len(told), min(check["failed"], 100))
        self.assertEqual(page["checks"][0]["name"], "stored_found")
        self.assertGreater(page["checks"][0]["failed"], 100)
        self.assertTrue(all(event.fields["text"].startswith(f"node {event.node}: get of ")
                            for event in failed if event.number("check") == 0))

    # --- while it runs ---

    def test_samples_come_at_even_times_and_add_up(self):
        _, events = self.traced(self.mesh)
        every = int(self.head()["sample_every"]) / 1e9
        self.assertEqual(every, 0.2)
        self.assertEqual(self.head()["node_sample_every"], self.head()["sample_every"])
        runs = [event for event in events if event.kind == "run.sample"]
        for i, event in enumerate(runs):
            self.assertAlmostEqual(event.at, (i + 1) * every, places=6)
        self.assertGreaterEqual(len(runs), 200)
        up = collections.defaultdict(collections.Counter)
        for event in events:
            if event.kind != "node.sample":
                continue
            for name in ("procs", "mailbox", "bytes"):
                up[event.at][name] += event.number(name)
            up[event.at]["nodes"] += 1
        for event in runs:
            for name in ("nodes", "procs", "mailbox", "bytes"):
                self.assertEqual(event.number(name), up[event.at][name], (event.at, name))
        at_15 = next(event for event in runs if abs(event.at - 14.6) < 1e-6)
        self.assertEqual(at_15.number("nodes"), 23)  # one has crashed
        self.assertLess(runs[0].number("events"), runs[-1].number("events"))

    def test_a_long_or_large_run_is_sampled_less_often(self):
        for args, every, of_nodes in ((["--until", "200s"], 10 ** 9, 10 ** 9),
                                      (["--until", "10s"], 10 ** 8, 10 ** 8),
                                      (["--until", "2s", "--set", "population=3000"],
                                       2 * 10 ** 7, 2 * 10 ** 7)):
            self.page(self.mesh, "--trace", self.trace, "--trace-only", "fault", *args)
            head = self.head()
            self.assertEqual(int(head["sample_every"]), every)
            self.assertEqual(int(head["node_sample_every"]), of_nodes)

    # --- who is where ---

    def sides(self, path, *args):
        page, events = self.traced(path, "--trace-only", "fault", *args)
        on = next(event for event in events if event.kind == "fault.on")
        told = [event for event in events if event.kind == "fault.side"
                and event.fields["occurrence"] == on.fields["occurrence"]
                and event.fields["fault"] == on.fields["fault"]]
        for event in told:
            self.assertEqual(event.at, on.at)
        self.assertEqual(len({event.node for event in told}), len(told))
        return page, on, collections.Counter(event.number("side") for event in told)

    def test_sides_are_those_that_the_fault_says(self):
        shapes = 0
        for shape in ("sides", "halves", "one-way", "partial", "bridge", "flapping"):
            _, on, count = self.sides(os.path.join(FAULTS, f"partition-{shape}.yaml"))
            said = [int(number) for number in re.findall(r"\d+", on.fields["text"])]
            sides = len(re.findall(r"\||->", on.fields["text"])) + 1
            self.assertEqual([count[i] for i in range(sides)], said[:sides], on.fields["text"])
            self.assertEqual(len(count), sides)
            shapes += 1
        self.assertEqual(shapes, 6)

    def test_on_a_ring_the_side_is_the_place(self):
        _, _, count = self.sides(os.path.join(FAULTS, "partition-ring.yaml"))
        self.assertEqual(count, collections.Counter(range(10)))

    def test_the_isolated_are_on_side_one(self):
        _, on, count = self.sides(os.path.join(FAULTS, "isolate.yaml"))
        self.assertEqual(count, {0: 7, 1: 3})
        self.assertIn("isolate", on.fields["text"])

    # --- packets and contacts ---

    def test_packets_are_told_with_their_bytes_when_asked_for(self):
        self.traced(self.mesh, "--trace-only", "packet")
        sent, data = {}, 0
        for event in self.events():
            if event.kind == "packet.sent":
                sent[event.node] = (event.fields["packet"], event.number("size"))
            if event.kind == "packet.data":
                packet, size = sent[event.node]  # it comes right after
                self.assertEqual(event.fields["packet"], packet)
                self.assertGreater(size, 0)
                data += 1
        self.assertGreater(data, 1000)
        _, events = self.traced(self.mesh)
        self.assertNotIn("packet.data", {event.kind for event in events})

    def test_contacts_make_up_the_tables_that_the_trace_tells_of(self):
        _, events = self.traced(self.mesh, "--trace-only", "dht,node")
        contacts, tables = collections.defaultdict(set), 0
        for event in events:
            if event.kind == "dht.up":
                contacts[event.node] = set()
            if event.kind == "dht.contact":
                on = event.fields["on"] == "yes"
                self.assertEqual(event.fields["peer"] in contacts[event.node], not on)
                (contacts[event.node].add if on else contacts[event.node].remove)(event.fields["peer"])
            if event.kind == "dht.table":
                self.assertEqual(len(contacts[event.node]), event.number("contacts4"))
                tables += 1
        self.assertGreater(tables, 100)

    # --- the last of it ---

    def test_the_last_seconds_are_written_when_the_run_fails_and_only_then(self):
        self.page(self.mesh, "--trace", self.trace, "--trace-last", "5s")
        self.assertFalse(os.path.exists(self.trace))
        wrong = ["--set", "population=300", "--set", "network.loss=50%",
                 "--set", "checks.0.stored_found.within=1s"]
        plain = self.page(self.mesh, *wrong)
        with open(self.trace, "w", encoding="utf-8") as file:
            file.write("of an earlier run")
        run = weft("run", self.mesh, *wrong, "--json", "--trace", self.trace, "--trace-last", "5s")
        self.assertEqual(run.returncode, 1)
        self.assertIn(f"the last 5 s are in {self.trace}", run.stderr)
        page = json.loads(run.stdout)
        self.assertEqual(page["hash"], plain["hash"])
        events = self.events()
        self.check_page(page, events)
        end = events[-1].at
        sent = [event.at for event in events if event.kind == "packet.sent"]
        self.assertLessEqual(sent[0], end - 5)
        self.assertGreater(sent[0], end - 12)  # whole blocks
        self.assertEqual(sum(event.kind == "node.up" and event.at < 10 for event in events), 300)
        whole = self.trace + ".whole"
        self.page(self.mesh, *wrong, "--trace", whole)
        self.assertLess(os.path.getsize(self.trace), os.path.getsize(whole) / 2)

    def test_a_trace_that_follows_a_run_sees_it_before_the_end(self):
        args = [WEFT, "run", self.mesh, "--set", "population=1500", "--trace", self.trace]
        with subprocess.Popen(args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
            seen, deadline = [], time.monotonic() + 60
            while run.poll() is None and not seen and time.monotonic() < deadline:
                time.sleep(0.1)
                if os.path.exists(self.trace):
                    told = weft("trace", self.trace, "--kind", "run.sample").stdout
                    if run.poll() is None:
                        seen = told.splitlines()
            self.assertGreater(len(seen), 0)
            run.kill()

    # --- mistakes ---

    def test_options_that_do_not_fit_are_one_line(self):
        for args, wanted in (
                (["--trace", self.trace, "--trace-only", "lokup"], 'unknown kind "lokup"'),
                (["--trace", self.trace, "--trace-only", "lookup.dne"],
                 'did you mean "lookup.done"?'),
                (["--trace", self.trace, "--trace-only", "log,"], 'unknown kind ""'),
                (["--trace", self.trace, "--trace-only", "x" * 200], 'unknown kind "xxx'),
                (["--trace-only", "log"], "--trace-only goes with --trace"),
                (["--trace-last", "5s"], "--trace-last goes with --trace"),
                (["--trace", self.trace, "--trace-last", "soon"], "--trace-last takes one"),
                (["--trace", self.trace, "--trace-last", "0s"], "--trace-last takes one"),
                (["--trace", self.folder, "--trace-last", "5s"], "cannot be written"),
                (["--trace", "/no/such/x", "--trace-last", "5s"], "cannot be written"),
                (["--trace-packets"], "--trace-packets goes with --trace")):
            run = weft("run", self.mesh, *args)
            self.assertEqual(run.returncode, 2)
            self.assertIn(wanted, run.stderr)
            self.assertEqual(run.stderr.count("\n"), 1, run.stderr)
            self.assertFalse(os.path.exists(self.trace))


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=2)
    count = program.result.testsRun
    wrong = len(program.result.failures) + len(program.result.errors)
    print(f"{max(count - wrong, 0)} passed, {wrong} failed")
    sys.exit(not program.result.wasSuccessful())
