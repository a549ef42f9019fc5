#!/usr/bin/env python3
"""`weft stats` and the CSV of a trace: every number is worked out anew here, from the text that
`weft trace` prints, by code that shares nothing with theirs."""

import collections
import csv
import json
import math
import os
import re
import shutil
import subprocess
import tempfile
import unittest

SOURCE = os.environ.get("WEFT_SOURCE", os.getcwd())
WEFT = os.path.abspath(os.path.join(os.environ.get("WEFT_BIN", "build/bin"), "weft"))
MESH = """
name: counted
population: 24
join: {from: seeds, seeds: 3, over: 2s}
network:
  delay: {uniform: [20ms, 60ms]}
  loss: 2%
workload:
  - put: {every: 300ms, from: 5s, until: 20s}
  - get: {every: 200ms, from: 8s}
faults:
  - partition: {at: 12s, for: 5s, sides: [50%, 50%]}
  - crash: {at: 14s, every: 2s, until: 20s, nodes: 1, for: 4s}
checks:
  - stored_found: {within: 10s, at_least: 50%}
  - no_leak
stop: 40s
"""

LINE = re.compile(r"^ *([0-9.]+) s  (?:node (\d+)|-) +([a-z_.]+) *(.*)$")
FIELD = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S+)')
SHARES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1}


def weft(*args, **kwargs):
    return subprocess.run([WEFT, *args], capture_output=True, text=True, timeout=120, **kwargs)


def quantile(values, share):
    """Nearest rank."""
    values = sorted(values)
    return values[max(1, math.ceil(share * len(values) - 1e-9)) - 1]


def duration(text):
    """As `weft trace` writes it: 70.359ms, 12.345s; cut behind the third digit."""
    if text.endswith("ms"):
        return float(text[:-2]) / 1000
    return float(text[:-1])


class Event:
    def __init__(self, line):
        found = LINE.match(line)
        if found is None:
            raise ValueError(line)
        self.at, self.node = float(found.group(1)), found.group(2)
        self.kind = found.group(3)
        self.fields = {name: value.strip('"') for name, value in FIELD.findall(found.group(4))}


def components(nodes, edges):
    """Sizes of the connected parts, by walking."""
    beside = collections.defaultdict(set)
    for a, b in edges:
        beside[a].add(b)
        beside[b].add(a)
    left, sizes = set(nodes), []
    while left:
        part, todo = set(), [left.pop()]
        while todo:
            at = todo.pop()
            part.add(at)
            for to in beside[at] & left:
                left.remove(to)
                todo.append(to)
        sizes.append(len(part))
    return sizes


class Overlay:
    """Who has whom, and of whom the DHT is up."""

    def __init__(self):
        self.ids, self.tables = {}, collections.defaultdict(set)

    def take(self, event):
        if event.kind == "dht.up":
            self.ids[event.node] = event.fields["id"]
        elif event.kind in ("dht.down", "node.down"):
            self.ids.pop(event.node, None)
            self.tables.pop(event.node, None)
        elif event.kind == "dht.contact":
            table = self.tables[event.node]
            (table.add if event.fields["on"] == "yes" else table.discard)(event.fields["peer"])

    def state(self):
        degrees = [len(self.tables[node]) for node in self.ids]
        by_id = {value: node for node, value in self.ids.items()}
        edges = [(node, by_id[peer]) for node in self.ids for peer in self.tables[node]
                 if peer in by_id]
        sizes = components(self.ids, edges)
        return {"degree_min": min(degrees), "degree_max": max(degrees),
                "degree_mean": sum(degrees) / len(degrees),
                "components": len(sizes), "component_largest": max(sizes)}


class OneRun(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="weft-stats-")
        cls.trace = os.path.join(cls.folder, "run.trace")
        cls.csv = os.path.join(cls.folder, "csv")
        scenario = os.path.join(cls.folder, "mesh.yaml")
        with open(scenario, "w", encoding="utf-8") as out:
            out.write(MESH)
        done = weft("run", scenario, "--seed", "5", "--trace", cls.trace, "--json")
        assert done.returncode in (0, 1), done.stderr
        cls.page = json.loads(done.stdout)
        done = weft("trace", cls.trace, "--csv", cls.csv)
        assert done.returncode == 0, done.stderr
        cls.events = [Event(line) for line in weft("trace", cls.trace).stdout.splitlines()]
        cls.series = cls.read("series.csv")
        cls.run_values = dict(zip(cls.column("run.csv", "key"), cls.column("run.csv", "value")))
        cls.interval = float(cls.run_values["interval_s"])

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    @classmethod
    def read(cls, name):
        with open(os.path.join(cls.csv, name), encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    @classmethod
    def column(cls, name, key):
        return [row[key] for row in cls.read(name)]

    def of(self, *kinds):
        return [event for event in self.events if event.kind in kinds]

    def index(self, event):
        """Of its interval; what happens at the very end is of the last one."""
        return min(int(event.at / self.interval + 1e-6), len(self.series) - 1)

    def check_counts(self, name, events):
        counted = collections.Counter(self.index(event) for event in events)
        for i, row in enumerate(self.series):
            self.assertEqual(int(row[name]), counted[i], f"{name} at {row['start_s']}")

    def check_near(self, name, row, expected, share=0.01):
        """Within what buckets and the text's three digits leave."""
        self.assertNotEqual(row[name], "", f"{name} at {row['start_s']}")
        self.assertLessEqual(abs(float(row[name]) - expected), expected * share + 2e-3,
                             f"{name} at {row['start_s']}")

    def check_quantiles(self, name, values):
        """`values` by interval."""
        for i, row in enumerate(self.series):
            for key, share in SHARES.items():
                if not values[i]:
                    self.assertEqual(row[f"{name}_{key}_s"], "")
                else:
                    self.check_near(f"{name}_{key}_s", row, quantile(values[i], share))

    def by_interval(self, pairs):
        found = collections.defaultdict(list)
        for event, value in pairs:
            found[self.index(event)].append(value)
        return found

    def test_it_says_which_run_it_was(self):
        self.assertEqual(self.run_values["hash"], self.page["hash"])
        self.assertEqual(self.run_values["seed"], "5")
        self.assertEqual(self.run_values["verdict"], self.page["verdict"])
        self.assertEqual(int(self.run_values["trace_events"]), len(self.events))
        self.assertLessEqual(len(self.series), 600)

    def test_counts_are_those_of_the_trace(self):
        self.check_counts("lookup_asked", self.of("lookup.start"))
        done = self.of("lookup.done")
        self.check_counts("lookup_ok", [e for e in done if e.fields["status"] == "OK"])
        self.check_counts("lookup_failed", [e for e in done if e.fields["status"] != "OK"])
        self.check_counts("packets_sent", self.of("packet.sent"))
        self.check_counts("packets_lost", self.of("packet.lost"))
        self.check_counts("packets_received", self.of("packet.received"))
        self.check_counts("node_ups", self.of("node.up"))
        self.check_counts("node_downs", self.of("node.down"))
        self.check_counts("joins", self.of("dht.joined"))
        self.check_counts("restarts", self.of("sup.restart"))
        for name, kind in (("put", "2"), ("get", "3")):
            asked = [e for e in self.of("work.asked") if e.fields["kind"] == kind]
            ended = [e for e in self.of("work.done") if e.fields["kind"] == kind]
            self.check_counts(f"{name}_asked", asked)
            self.check_counts(f"{name}_ok", [e for e in ended if e.fields["status"] == "OK"])
            self.check_counts(f"{name}_failed", [e for e in ended if e.fields["status"] != "OK"])

    def test_latencies_are_those_of_the_trace(self):
        done = [e for e in self.of("lookup.done") if e.fields["status"] == "OK"]
        self.check_quantiles("lookup", self.by_interval(
            (e, duration(e.fields["took"])) for e in done))
        for name, kind in (("put", "2"), ("get", "3")):
            self.check_quantiles(name, self.by_interval(
                (e, duration(e.fields["took"])) for e in self.of("work.done")
                if e.fields["kind"] == kind and e.fields["status"] == "OK"))
        for name, field in (("hops_mean", "depth"), ("queries_mean", "queries")):
            values = self.by_interval((e, int(e.fields[field])) for e in done)
            for i, row in enumerate(self.series):
                if values[i]:
                    mean = sum(values[i]) / len(values[i])
                    self.assertAlmostEqual(float(row[name]), mean, places=5)

    def test_packets_are_paired_with_their_arrivals(self):
        sent, took, first, lost = {}, [], collections.Counter(), collections.Counter()
        for event in self.events:
            packet = event.fields.get("packet")
            if event.kind == "packet.sent":
                sent[event.node, packet] = event.at
            elif event.kind == "packet.lost":
                sent.pop((event.node, packet), None)
                lost[self.index(event)] += 1
            elif event.kind == "packet.received":
                at = sent.pop((event.fields["from"], packet), None)
                if at is not None:
                    took.append((event, event.at - at))
                    first[self.index(event)] += 1
        self.check_quantiles("packet", self.by_interval(took))
        for i, row in enumerate(self.series):
            if first[i] + lost[i]:
                self.assertAlmostEqual(float(row["delivery"]), first[i] / (first[i] + lost[i]),
                                       places=6)
            else:
                self.assertEqual(row["delivery"], "")

    def test_gauges_are_as_of_the_ends(self):
        overlay, up, at = Overlay(), set(), 0
        last = len(self.series) - 1
        for event in self.events:
            while at < last and event.at >= (at + 1) * self.interval - 1e-9:
                self.check_gauges(self.series[at], overlay, up)
                at += 1
            overlay.take(event)
            if event.kind == "node.up":
                up.add(event.node)
            elif event.kind == "node.down":
                up.discard(event.node)
        self.assertEqual(at, last)

    def check_gauges(self, row, overlay, up):
        self.assertEqual(int(row["nodes_up"]), len(up))
        if overlay.ids:
            for name, value in overlay.state().items():
                self.assertNotEqual(row[name], "", f"{name} at {row['start_s']}")
                self.assertAlmostEqual(float(row[name]), value, places=5,
                                       msg=f"{name} at {row['start_s']}")

    def test_nodes_are_summed_up(self):
        rows = {row["node"]: row for row in self.read("nodes.csv")}
        columns = {"ups": "node.up", "downs": "node.down", "packets_sent": "packet.sent",
                   "packets_received": "packet.received", "packets_lost": "packet.lost",
                   "lookups_asked": "lookup.start"}
        for name, kind in columns.items():
            counted = collections.Counter(event.node for event in self.of(kind))
            self.assertEqual({node: int(row[name]) for node, row in rows.items()},
                             {node: counted[node] for node in rows})
        self.assertEqual(len(rows), 24)

    def test_faults_and_page_are_there(self):
        on = self.of("fault.on")
        rows = self.read("faults.csv")
        self.assertEqual([row["text"] for row in rows], [e.fields["text"] for e in on])
        bits = collections.Counter((e.fields["fault"], e.fields["occurrence"])
                                   for e in self.of("fault.bit"))
        for row in rows:
            self.assertEqual(int(row["bit"]), bits[row["fault"], row["occurrence"]])
        checks = {row["name"]: (int(row["evaluated"]), int(row["failed"]))
                  for row in self.read("checks.csv")}
        self.assertEqual(checks, {check["name"]: (check["evaluated"], check["failed"])
                                  for check in self.page["checks"]})
        works = {row["name"]: (int(row["asked"]), int(row["done"]))
                 for row in self.read("works.csv")}
        self.assertEqual(works, {work["kind"]: (work["asked"], work["done"])
                                 for work in self.page["workload"]})

    def test_every_event_is_in_the_file_of_its_kind(self):
        folder = os.path.join(self.csv, "events")
        rows = {name[:-4]: len(self.read(f"events/{name}")) for name in os.listdir(folder)}
        self.assertEqual(rows, collections.Counter(event.kind for event in self.events))
        first = self.read("events/lookup.done.csv")[0]
        told = self.of("lookup.done")[0]
        self.assertEqual(first["status"], told.fields["status"])
        self.assertEqual(first["ids"].split()[0][:8], told.fields["ids"].split(",")[0])
        self.assertAlmostEqual(float(first["took_s"]), duration(told.fields["took"]), places=3)

    def test_stats_are_the_same_of_both(self):
        both = [json.loads(weft("stats", path, "--json").stdout)["groups"][0]["metrics"]
                for path in (self.trace, self.csv)]
        self.assertEqual(both[0].keys(), both[1].keys())
        for name, metric in both[0].items():  # means are written with six digits
            self.assertAlmostEqual(metric["median"], both[1][name]["median"], places=6, msg=name)
        gets = [duration(e.fields["took"]) for e in self.of("work.done")
                if e.fields["kind"] == "3" and e.fields["status"] == "OK"]
        for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999),
                            ("max", 1)):
            self.assertLessEqual(abs(both[0][f"get.{name}"]["median"] - quantile(gets, share)),
                                 quantile(gets, share) * 0.001 + 1e-3)
        received, lost = len(self.of("packet.received")), len(self.of("packet.lost"))
        self.assertAlmostEqual(both[0]["delivery"]["median"], received / (received + lost),
                               places=9)

    def test_a_page_for_people(self):
        page = weft("stats", self.trace).stdout
        self.assertIn(self.page["hash"], page)
        self.assertRegex(page, r"get latency +\d+ +[\d.]+ m?s")
        self.assertRegex(page, r"partition +delivery +12\.000 s +17\.000 s")


class Several(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="weft-stats-")
        scenario = os.path.join(cls.folder, "mesh.yaml")
        with open(scenario, "w", encoding="utf-8") as out:
            out.write(MESH)
        for side, loss in (("good", "1%"), ("bad", "15%")):
            os.mkdir(os.path.join(cls.folder, side))
            for seed in range(1, 5):
                path = os.path.join(cls.folder, side, f"{seed}.trace")
                weft("run", scenario, "--seed", str(seed), "--set", f"network.loss={loss}",
                     "--set", "stop=25s", "--trace", path, "--trace-only", "packet,work")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def paths(self, side):
        return [os.path.join(self.folder, side, f"{seed}.trace") for seed in range(1, 5)]

    def compared(self, *args):
        done = weft("stats", "--json", *args)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_a_worse_network_is_told_from_a_better_one(self):
        found = self.compared(*self.paths("good"), "--against", *self.paths("bad"))
        delivery = found["comparisons"][0]["metrics"]["delivery"]
        self.assertEqual(delivery["verdict"], "lower")
        self.assertEqual(delivery["delta"], -1)
        self.assertAlmostEqual(delivery["p"], 2 / 70, places=6)
        self.assertLess(delivery["high"], 0)
        self.assertNotIn("lookup.p50", found["groups"][0]["metrics"])  # not in these traces

    def test_the_same_runs_do_not_differ(self):
        found = self.compared(*self.paths("good"), "--against", *self.paths("good"))
        verdicts = {metric["verdict"] for metric in found["comparisons"][0]["metrics"].values()}
        self.assertEqual(verdicts, {"no difference seen"})

    def test_groups_are_folders_or_as_told(self):
        by_folder = self.compared(*self.paths("good"), *self.paths("bad"))
        told = self.compared("--group", f"a={self.folder}/good/*.trace",
                             "--group", f"b={self.folder}/bad/*.trace")
        self.assertEqual([len(group["runs"]) for group in told["groups"]], [4, 4])
        self.assertEqual([group["name"] for group in told["groups"]], ["a", "b"])
        self.assertEqual([group["metrics"] for group in told["groups"]],
                         [group["metrics"] for group in by_folder["groups"]])

    def test_it_says_the_same_each_time(self):
        args = ["stats", *self.paths("good"), "--against", *self.paths("bad")]
        self.assertEqual(weft(*args).stdout, weft(*args).stdout)

    def test_few_runs_are_too_few(self):
        found = self.compared(*self.paths("good")[:3], "--against", *self.paths("bad")[:3])
        self.assertEqual(found["comparisons"][0]["metrics"]["delivery"]["verdict"], "too few")

    def test_only_metrics_that_are_asked_for(self):
        found = self.compared(self.paths("good")[0], "--metric", "get", "--metric", "delivery")
        names = set(found["groups"][0]["metrics"])
        self.assertLessEqual({"get.p50", "get.success", "delivery"}, names)
        self.assertTrue(all(name.startswith("get.") or name == "delivery" for name in names))

    def test_what_is_wrong_is_told_in_a_line(self):
        good = self.paths("good")[0]
        cases = {("nowhere.trace",): "weft: nowhere.trace: no such file\n",
                 (good, "--metric", "gte"): 'weft: unknown metric "gte"; --json names them all\n',
                 ("--group", "x"): 'weft: "x" is no group: NAME=GLOB, such as '
                                   "new='runs/new/*.trace'\n",
                 ("--group", "x=/no/*"): 'weft: no run is like "/no/*"\n',
                 (good, "--against"): "weft: --against stands once, between the runs of A and "
                                      "those of B\n",
                 ("--against", good): "weft: --against stands once, between the runs of A and "
                                      "those of B\n",
                 (good, "--group", f"x={good}"): "weft: runs are told either by --group, or by "
                                                 "themselves and --against\n",
                 (self.folder,): f"weft: {self.folder}/run.csv: no such file\n"}
        for args, expected in cases.items():
            done = weft("stats", *args)
            self.assertEqual((done.returncode, done.stderr, done.stdout), (2, expected, ""))

    def test_a_damaged_trace_gives_what_is_whole(self):
        damaged = os.path.join(self.folder, "damaged.trace")
        with open(self.paths("good")[0], "rb") as file:
            whole = file.read()
        with open(damaged, "wb") as file:
            file.write(whole[:len(whole) * 2 // 3])
        done = weft("stats", damaged, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, r"damaged.trace: \d+ damaged blocks? (was|were) passed over")
        self.assertEqual(json.loads(done.stdout)["groups"][0]["runs"][0]["verdict"], "")


if __name__ == "__main__":
    unittest.main()
