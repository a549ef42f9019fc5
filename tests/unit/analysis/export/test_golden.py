#!/usr/bin/env python3
"""The golden files of the exports, read by those whose formats they are. What the files say is held
against the story that sample.c tells."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = os.environ.get("WEFT_SOURCE", os.getcwd())
sys.path.insert(0, os.path.join(SOURCE, "tests/harness"))
import exports  # noqa: E402

GOLDEN = os.path.join(SOURCE, "tests/unit/analysis/export/golden")


def golden(name):
    return os.path.join(GOLDEN, name)


class Pcapng(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.packets = exports.pcapng(golden("sample.pcapng"))

    def comments(self, number):
        return self.packets[number - 1]["frame.comment"].split("|")

    def test_each_packet_is_on_the_interface_of_its_link(self):
        self.assertEqual([packet["frame.interface_name"] for packet in self.packets],
                         ["node0-node1", "node1-node0", "node0-node1", "node0-node2", "node3-node2",
                          "node3-node0"])

    def test_times_are_virtual_to_the_nanosecond(self):
        self.assertEqual([packet["frame.time_epoch"] for packet in self.packets],
                         ["0.100000000", "0.120000345", "1.000000000", "2.000000000", "2.001000000",
                          "4.000000000"])

    def test_addresses_of_two_families_are_ipv6(self):
        self.assertEqual((self.packets[0]["ip.src"], self.packets[0]["ip.dst"]),
                         ("10.0.0.1", "10.0.0.2"))
        self.assertEqual((self.packets[4]["ipv6.src"], self.packets[4]["ipv6.dst"]),
                         ("2001:db8::4", "::ffff:10.0.0.3"))
        self.assertEqual({packet["udp.srcport"] for packet in self.packets}, {"6881"})

    def test_the_payload_is_the_trace_s(self):
        self.assertEqual(bytes.fromhex(self.packets[0]["udp.payload"]),
                         b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe")

    def test_comments_say_what_became_of_it(self):
        self.assertEqual(self.comments(1), ["packet 1 of node0 to node1",
                                            "received by node1 at 0.120000345 s, 20.000345 ms after"])
        self.assertIn("received 2 times", self.comments(3))
        self.assertIn("lost at 2.001000000 s: cut", self.comments(4))
        self.assertIn("lost at 2.002000000 s: 77", self.comments(5))
        self.assertIn("not known to be received or lost", self.comments(6))

    def test_comments_name_the_faults_that_are_on(self):
        fault = "fault 3 partition 50%|50% is on".split("|")  # as comments are told apart here
        for number in (4, 5):
            self.assertEqual(self.comments(number)[1:3], fault)
        for number in (1, 2, 3, 6):
            self.assertNotIn(fault[0], self.comments(number))

    def test_the_section_says_which_run_it_is(self):
        run = subprocess.run(["capinfos", "-k", "-M", golden("sample.pcapng")], capture_output=True,
                             text=True, timeout=60, check=True)
        for text in ("scenario: sample", "seed: 7", "build: test",
                     "run hash: 490398c97aee4784c167b6d18a646107"):
            self.assertIn(text, run.stdout)


class Perfetto(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.trace = exports.perfetto(golden("sample.perfetto.json"))
        cls.events = cls.trace["traceEvents"]

    def test_nodes_are_processes_and_their_processes_threads(self):
        names = {event["pid"]: event["args"]["name"] for event in self.events
                 if event.get("name") == "process_name"}
        self.assertEqual(names[1], "node 0 (10.0.0.1:6881)")
        self.assertEqual(names[4], "node 3 ([2001:db8::4]:6881)")
        threads = [event["args"]["name"] for event in self.events
                   if event.get("name") == "thread_name" and event["pid"] == 3]
        self.assertEqual(sorted(threads), ["dht", "events", "life", "root"])

    def test_a_restarted_process_stays_on_its_track(self):
        begun = [event for event in self.events if event["ph"] == "B" and event["pid"] == 3
                 and event["name"] == "dht"]
        self.assertEqual([event["args"]["pid"] for event in begun], ["0x1000002", "0x1000009"])
        self.assertEqual(len({event["tid"] for event in begun}), 1)

    def test_a_crash_ends_what_ran_on_the_node(self):
        ends = [event for event in self.events if event["pid"] == 2 and event["ph"] in "Ee"
                and event["ts"] == 3e6]
        self.assertEqual(len(ends), 4)  # root, dht, the lookup, its life

    def test_arrows_go_from_sender_to_receiver(self):
        ends = {}
        for event in self.events:
            if event["ph"] in "sf":
                ends.setdefault(event["id"], []).append(event["pid"] - 1)
        self.assertEqual(sorted(ends.values()), [[0, 0], [0, 1], [0, 1], [1, 0], [3], [3, 3]])

    def test_faults_are_spans_and_samples_counters(self):
        spans = [(event["ph"], event["name"]) for event in self.events if event.get("cat") == "fault"]
        self.assertEqual(spans, [("b", "fault 3 partition"), ("n", "fault 3 partition"),
                                 ("b", "fault 4 crash"), ("e", "fault 3 partition"),
                                 ("e", "fault 4 crash")])
        counters = {event["name"]: event["args"] for event in self.events
                    if event["ph"] == "C" and event["pid"] == 4294967295}
        self.assertEqual(counters["pending"], {"pending": 17})

    def test_texts_are_whole(self):
        logged = [event["args"]["text"] for event in self.events if event.get("name") == "log"]
        self.assertEqual(logged, ["caf\u00e9 \u20ac \U0001f310 \ufffd {\"a\":1} \x01 \x7f"])


class Shiviz(unittest.TestCase):
    def test_clocks_are_those_of_the_packets(self):
        events = exports.shiviz(golden("sample.shiviz"))
        received = [(host, clock) for host, clock, text in events if text.startswith("packet.received")]
        self.assertEqual(received[0], ("node1", {"node0": 6, "node1": 6}))
        self.assertEqual(received[1], ("node0", {"node0": 7, "node1": 8}))
        self.assertEqual({host for host, _, _ in events}, {"node0", "node1", "node2", "node3"})


class Dot(unittest.TestCase):
    def test_shapes_and_styles_say_it(self):
        nodes, edges = exports.dot(golden("sample.dot"))
        self.assertEqual({name: node["shape"] for name, node in nodes.items()},
                         {"n0": "box", "n1": "box", "n2": "diamond", "n3": "diamond",
                          "i909192939495969798999a9b9c9d9e9fa0a1a2a3": "plaintext"})
        self.assertEqual(nodes["n3"]["style"], "filled,dashed")
        self.assertEqual({(tail, head): (edge.get("style"), edge.get("dir")) for tail, head, edge in edges},
                         {("n0", "n1"): (None, "both"), ("n0", "n2"): ("dashed", "both"),
                          ("n2", "n3"): (None, None),
                          ("n2", "i909192939495969798999a9b9c9d9e9fa0a1a2a3"): ("dotted", None)})

    def test_it_is_drawn(self):
        run = subprocess.run(["dot", "-Tsvg", golden("sample.dot")], capture_output=True, text=True,
                             timeout=60, check=True)
        self.assertEqual(run.stderr, "")
        for text in (">side 0: partition 50%|50%<", ">0<", "sample, seed 7"):
            self.assertIn(text, run.stdout)


class Openmetrics(unittest.TestCase):
    def test_counts_are_those_of_the_story(self):
        samples = exports.openmetrics(golden("sample.openmetrics"))
        for name, labels, value in [
                ("weft_packets_sent_total", {}, 5), ("weft_packets_sent_bytes_total", {}, 262),
                ("weft_packets_lost_total", {"cause": "cut"}, 1),
                ("weft_lookups_done_total", {"kind": "value", "status": "OK"}, 1),
                ("weft_lookup_seconds_sum", {}, 0.06), ("weft_nodes_up", {}, 3),
                ("weft_node_ends_total", {"cause": "crashed"}, 1), ("weft_heap_bytes", {}, 4096),
                ("weft_faults_on", {"fault": "4", "occurrence": "1",
                                    "text": "crash \"quoted\" \\back?? end"}, 1),
                ("weft_run_info", {"scenario": "sample", "seed": "7", "build": "test"}, 1)]:
            self.assertEqual(samples[(name, tuple(sorted(labels.items())))], value, name)


class Jsonl(unittest.TestCase):
    def test_values_are_of_their_types(self):
        events = exports.jsonl(golden("sample.jsonl"))
        by_kind = {event["event"]: event for event in events}
        self.assertEqual(by_kind["node.up"]["addr"], "10.0.0.2:6881")
        self.assertEqual(by_kind["lookup.done"]["status"], "OK")
        self.assertEqual(by_kind["lookup.done"]["took"], 60000000)
        self.assertEqual(by_kind["lookup.done"]["ids"][1], "101112131415161718191a1b1c1d1e1f20212223")
        self.assertEqual(by_kind["proc.exit"]["text"], "assert x > 0 \"y\"\ttab")
        self.assertEqual(by_kind["run.end"]["hash_high"], "0x490398c97aee4784")
        self.assertIsNone(by_kind["run.end"]["node"])
        self.assertEqual(by_kind["packet.data"]["data"]["from"], "[2001:db8::4]:6881")


class Readers(unittest.TestCase):
    """A reader that lets everything pass would prove nothing."""

    def spoiled(self, name, old, new, read):
        with open(golden(name), "rb") as file:
            data = file.read()
        self.assertIn(old, data)
        with tempfile.NamedTemporaryFile(suffix=name) as file:
            file.write(data.replace(old, new, 1))
            file.flush()
            with self.assertRaises(Exception):
                read(file.name)

    def test_each_can_fail(self):
        self.spoiled("sample.pcapng", b"e1:q4:ping", b"e1:q4:pong", exports.pcapng)  # a checksum
        self.spoiled("sample.perfetto.json", b'{"ph":"E"', b'{"ph":"Q"', exports.perfetto)
        self.spoiled("sample.perfetto.json", b'{"ph":"E","ts":3000000', b'{"ph":"i","ts":3000000',
                     exports.perfetto)
        self.spoiled("sample.perfetto.json", b'"ph":"s"', b'"ph":"f"', exports.perfetto)
        self.spoiled("sample.shiviz", b'node1 {"node0":6,"node1":6}', b'node1 {"node0":5,"node1":7}',
                     exports.shiviz)
        self.spoiled("sample.shiviz", b'node1 {"node0":6,"node1":8}', b'node1 {"node1":8}', exports.shiviz)
        self.spoiled("sample.openmetrics", b"# EOF\n", b"", exports.openmetrics)
        self.spoiled("sample.openmetrics", b"weft_nodes_up 3", b"weft_nodes_up three", exports.openmetrics)
        self.spoiled("sample.jsonl", b'"life":1', b'"at":1', exports.jsonl)
        self.spoiled("sample.dot", b"n0 -> n1", b"n0 - n1", exports.dot)


if __name__ == "__main__":
    for tool in ("tshark", "capinfos", "dot"):
        if shutil.which(tool) is None:
            print(f"{tool} is not installed: ./dev test installs it")
            sys.exit(1)
    program = unittest.main(exit=False, verbosity=2)
    count = program.result.testsRun
    wrong = len(program.result.failures) + len(program.result.errors)
    print(f"{max(count - wrong, 0)} passed, {wrong} failed")
    sys.exit(not program.result.wasSuccessful())
