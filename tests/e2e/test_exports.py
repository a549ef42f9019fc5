#!/usr/bin/env python3
"""A real run, exported by `weft trace` and read by those whose formats they are."""

import collections
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = os.environ.get("WEFT_SOURCE", os.getcwd())
WEFT = os.path.abspath(os.path.join(os.environ.get("WEFT_BIN", "build/bin"), "weft"))
sys.path.insert(0, os.path.join(SOURCE, "tests/harness"))
import exports  # noqa: E402

SCENARIO = """\
name: exported
about: Thirty nodes, a partition, crashes, a process that is poisoned.
population: 30
stop: 30s
join: {from: seeds, seeds: 3, over: 2s}
network:
  delay: {lognormal: {median: 40ms, sigma: 0.5}}
  loss: 2%
workload:
  - put: {from: 4s, every: 500ms, until: 20s}
  - get: {from: 5s, every: 500ms}
faults:
  - partition: {at: 10s, for: 8s, sides: [50%, 50%]}
  - crash: {at: 12s, nodes: 2, for: 5s}
  - poison: {at: 20s, nodes: 1, process: dht}
checks:
  - no_leak
"""


def weft(*args, **kwargs):
    return subprocess.run([WEFT, *args], capture_output=True, text=True, timeout=300, check=False, **kwargs)


class Exports(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        scenario, cls.trace = cls.path("exported.yaml"), cls.path("run.trace")
        with open(scenario, "w", encoding="utf-8") as file:
            file.write(SCENARIO)
        done = weft("run", scenario, "--trace", cls.trace, "--trace-packets")
        assert done.returncode == 0, done.stdout + done.stderr
        cls.page = done.stdout
        cls.export("--jsonl", cls.path("all.jsonl"))
        cls.events = exports.jsonl(cls.path("all.jsonl"))
        cls.kinds = collections.Counter(event["event"] for event in cls.events)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder.name, name)

    @classmethod
    def export(cls, *args):
        done = weft("trace", cls.trace, *args)
        assert done.returncode == 0, f"{args}: {done.stdout} {done.stderr}"
        return done.stdout

    def test_every_packet_is_read_by_wireshark_s_own_dissector(self):
        self.export("--pcapng", self.path("all.pcapng"))
        packets = exports.pcapng(self.path("all.pcapng"))
        sent = [event for event in self.events if event["event"] == "packet.data"]
        self.assertGreater(len(sent), 1000)
        self.assertEqual(len(packets), len(sent))
        for packet, event in zip(packets, sent):
            self.assertEqual(packet["frame.time_epoch"], f"{event['at'] // 10**9}.{event['at'] % 10**9:09d}")
            self.assertEqual(packet["frame.packet_id"], str(event["packet"]))
            self.assertEqual(packet["frame.interface_name"], f"node{event['node']}-node{event['to']}")

    def test_comments_of_packets_are_what_the_trace_says_of_them(self):
        self.export("--pcapng", self.path("fates.pcapng"))
        packets = exports.pcapng(self.path("fates.pcapng"))
        lost = {(event["node"], event["packet"]) for event in self.events if event["event"] == "packet.lost"}
        received = {(event["from"], event["packet"]) for event in self.events
                    if event["event"] == "packet.received"}
        cut = [event["at"] for event in self.events if event["event"].startswith("fault.o")
               and event["fault"] == 0]
        self.assertEqual(cut, [10 * 10**9, 18 * 10**9])
        told = collections.Counter()
        for packet in packets:
            comment = packet["frame.comment"]
            key = (int(packet["frame.interface_name"].split("-")[0][4:]), int(packet["frame.packet_id"]))
            self.assertEqual("lost at" in comment, key in lost, comment)
            self.assertEqual("received by" in comment, key in received, comment)
            at = int(packet["frame.time_epoch"].replace(".", ""))
            if at not in cut:  # then the order of events decides
                self.assertEqual("fault 0 partition" in comment, cut[0] < at < cut[1], comment)
            told["lost"] += "lost at" in comment
            told["cut"] += comment.endswith(": cut")
        self.assertGreater(told["lost"], 100)
        self.assertGreater(told["cut"], 50)

    def test_a_perfetto_trace_passes_its_schema_and_rules(self):
        self.export("--perfetto", self.path("all.json"), "--from", "9s", "--to", "21s")
        events = exports.perfetto(self.path("all.json"))["traceEvents"]
        phases = collections.Counter(event["ph"] for event in events)
        for phase in "BEisfbenCM":
            self.assertGreater(phases[phase], 0, phase)
        sent = sum(event["event"] == "packet.sent" and 9e9 <= event["at"] <= 21e9 for event in self.events)
        self.assertEqual(phases["s"], sent)
        begun = [event for event in events if event["ph"] == "b" and event.get("cat") == "fault"]
        self.assertEqual([event["name"] for event in begun][0], "fault 0 partition")
        lives = {event["pid"] for event in events if event["ph"] == "B" and event["tid"] == event["pid"]}
        self.assertEqual(len(lives), 30)

    def test_shiviz_takes_the_log(self):
        self.export("--shiviz", self.path("log"), "--from", "4s", "--to", "5s", "--kind", "packet",
                    "--kind", "lookup")
        events = exports.shiviz(self.path("log"))
        wanted = [event for event in self.events if 4e9 <= event["at"] <= 5e9
                  and event["event"].split(".")[0] in ("packet", "lookup") and event["event"] != "packet.data"]
        self.assertEqual(len(events), len(wanted))
        for (host, _, text), event in zip(events, wanted):
            self.assertEqual(host, f"node{event['node']}")
            self.assertTrue(text.startswith(event["event"] + " "), text)
        self.assert_causes_are_before_effects(events, wanted)

    def assert_causes_are_before_effects(self, logged, events):
        """Who received a packet knows its sending."""
        sent = {}
        seen = 0
        for (host, clock, _), event in zip(logged, events):
            if event["event"] == "packet.sent":
                sent[(event["node"], event["packet"])] = (host, clock[host])
            elif event["event"] == "packet.received" and (event["from"], event["packet"]) in sent:
                sender, count = sent[(event["from"], event["packet"])]
                self.assertGreaterEqual(clock.get(sender, 0), count)
                seen += 1
        self.assertGreater(seen, 20)

    def contacts_at(self, at):
        """By node: whose ids are in its table; and who has which id."""
        tables, owners = collections.defaultdict(set), {}
        for event in self.events:
            if event["at"] > at:
                break
            if event["event"] == "dht.contact":
                (tables[event["node"]].add if event["on"] else tables[event["node"]].discard)(event["peer"])
            elif event["event"] in ("dht.down", "node.down", "dht.up"):
                tables[event["node"]].clear()
            if event["event"] == "dht.up":
                owners[event["id"]] = event["node"]
        return tables, owners

    def test_the_overlay_is_who_has_whom(self):
        self.export("--dot", self.path("overlay.dot"), "--at", "14s")
        nodes, edges = exports.dot(self.path("overlay.dot"))
        tables, owners = self.contacts_at(14 * 10**9)
        expected = {(f"n{node}", f"n{owners[peer]}") for node, table in tables.items() for peer in table}
        drawn = {(tail, head) for tail, head, _ in edges}
        drawn |= {(head, tail) for tail, head, edge in edges if edge.get("dir") == "both"}
        self.assertEqual(drawn, expected)
        self.assertEqual(len(nodes), 30)
        self.assertEqual(collections.Counter(node["shape"] for node in nodes.values()),
                         {"box": 15, "diamond": 15})
        self.assertEqual(sum("dotted" in node["style"] for node in nodes.values() if "style" in node), 2)
        subprocess.run(["dot", "-Tsvg", "-o", self.path("overlay.svg"), self.path("overlay.dot")], check=True,
                       timeout=300)

    def test_a_snapshot_counts_what_the_trace_has_until_then(self):
        for at in (11, 30):
            self.export("--openmetrics", self.path("snapshot"), "--at", f"{at}s")
            samples = exports.openmetrics(self.path("snapshot"))
            before = [event for event in self.events if event["at"] <= at * 10**9]
            kinds = collections.Counter(event["event"] for event in before)
            for kind, count in kinds.items():
                self.assertEqual(samples[("weft_events_total", (("kind", kind),))], count)
            self.assertEqual(samples[("weft_packets_sent_total", ())], kinds["packet.sent"])
            lost = sum(value for (name, _), value in samples.items() if name == "weft_packets_lost_total")
            self.assertEqual(lost, kinds["packet.lost"])
            up = kinds["node.up"] - kinds["node.down"]
            self.assertEqual(samples[("weft_nodes_up", ())], up)
            self.assertEqual(samples[("weft_lookup_seconds_count", ())], kinds["lookup.done"])
            took = sum(event["took"] for event in before if event["event"] == "lookup.done") / 1e9
            self.assertAlmostEqual(samples[("weft_lookup_seconds_sum", ())], took, places=6)
            tables, _ = self.contacts_at(at * 10**9)
            self.assertEqual(samples[("weft_overlay_contacts", ())], sum(map(len, tables.values())))

    def test_lines_of_json_say_what_the_text_says(self):
        lines = self.export("--kind", "node", "--kind", "fault", "--kind", "lookup", "--kind", "packet.lost",
                            "--kind", "dht").splitlines()
        wanted = [event for event in self.events
                  if event["event"].split(".")[0] in ("node", "fault", "lookup", "dht")
                  or event["event"] == "packet.lost"]
        self.assertEqual(len(lines), len(wanted))
        for line, event in zip(lines, wanted):
            words = line.split()
            self.assertEqual(words[0], f"{event['at'] // 10**9}.{event['at'] % 10**9 // 1000:06d}")
            if event["node"] is None:
                self.assertEqual(words[2:4], ["-", event["event"]])
            else:
                self.assertEqual(words[2:5], ["node", str(event["node"]), event["event"]])
            for name, value in event.items():
                if name in ("at", "node", "event", "took", "text", "ids"):
                    continue  # those are shortened or quoted for people
                shown = {True: "yes", False: "no"}[value] if isinstance(value, bool) else value
                self.assertIn(f"{name}={shown}", words)

    def test_several_at_once_and_standard_output(self):
        out = self.export("--openmetrics", "-", "--jsonl", self.path("again.jsonl"))
        self.assertTrue(out.endswith("# EOF\n"))
        self.assertEqual(exports.jsonl(self.path("again.jsonl")), self.events)

    def test_what_cannot_be_exported_is_one_line(self):
        out = self.path("none")
        for args, text in [
                (["--pcapng", out, "--kind", "lookup"],
                 f"weft: --pcapng: {self.trace}: the filter lets no packet.data through\n"),
                (["--shiviz", out],
                 f"weft: --shiviz: {self.trace}: it has more than 100000 events, too many for ShiViz; choose "
                 "some with --node, --kind, --from and --to\n"),
                (["--dot", self.path("no/such"), "--at", "5s"],
                 f"weft: --dot: {self.path('no/such')}: cannot be written: No such file or directory\n")]:
            if "--shiviz" in args and len(self.events) <= 100000 + self.kinds["packet.data"]:
                continue
            done = weft("trace", self.trace, *args)
            self.assertEqual((done.returncode, done.stderr), (2, text))
            self.assertFalse(os.path.exists(out))
            self.assertFalse(any("partial" in name for name in os.listdir(self.folder.name)))

    def test_a_trace_without_packets_says_how_to_get_them(self):
        bare, out = self.path("bare.trace"), self.path("nothing")
        weft("run", self.path("exported.yaml"), "--trace", bare, "--trace-only", "packet.sent,node")
        done = weft("trace", bare, "--pcapng", out)
        self.assertEqual(done.returncode, 2)
        self.assertIn("it holds no packet.data; weft run writes it with --trace-packets", done.stderr)
        self.assertFalse(os.path.exists(out))


if __name__ == "__main__":
    for tool in ("tshark", "dot"):
        if shutil.which(tool) is None:
            print(f"{tool} is not installed: ./dev test installs it")
            sys.exit(1)
    program = unittest.main(exit=False, verbosity=2)
    count = program.result.testsRun
    wrong = len(program.result.failures) + len(program.result.errors)
    print(f"{max(count - wrong, 0)} passed, {wrong} failed")
    sys.exit(not program.result.wasSuccessful())
