#!/usr/bin/env python3
"""weft trace: what a run's trace shows, as a user asks for it."""
import os
import re
import subprocess
import tempfile
import unittest

WEFT = os.path.join(os.environ.get("WEFT_BIN", "build/bin"), "weft")

SCENARIO = """\
name: small
population: 40
join: {from: seeds, seeds: 3, over: 2s}
network:
  delay: 20ms
workload:
  - put: {every: 500ms, from: 5s, until: 8s}
  - get: {every: 500ms, from: 9s}
faults:
  - crash: {at: 8s, nodes: 1, for: 3s}
checks:
  - stored_found: {within: 20s, at_least: 90%}
stop: 60s
"""


def weft(*args, **kwargs):
    return subprocess.run([WEFT, *args], capture_output=True, text=True, timeout=120, check=False,
                          **kwargs)


class Trace(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        scenario = os.path.join(cls.folder.name, "small.yaml")
        cls.trace = os.path.join(cls.folder.name, "run.trace")
        with open(scenario, "w", encoding="utf-8") as file:
            file.write(SCENARIO)
        done = weft("run", scenario, "--trace", cls.trace)
        assert done.returncode == 0, done.stdout + done.stderr
        cls.lines = weft("trace", cls.trace).stdout.splitlines()

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def shown(self, *options):
        done = weft("trace", self.trace, *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr, "")
        return done.stdout.splitlines()

    def test_filters_show_just_the_lines_they_name(self):
        def of(pattern):
            return [line for line in self.lines if re.search(pattern, line)]

        self.assertEqual(self.shown("--kind", "lookup"), of(r" lookup\.(start|done) "))
        self.assertEqual(self.shown("--kind", "node.up", "--kind", "dht.up"),
                         of(r" (node|dht)\.up "))
        self.assertEqual(self.shown("--node", "3", "--node", "7"), of(r" node [37] "))
        self.assertEqual(self.shown("--from", "9s", "--to", "9.5s"),
                         [line for line in self.lines if 9 <= float(line.split()[0]) <= 9.5])
        some = of(r" packet\.received ")[100]
        sender, packet = re.search(r"from=(\d+) .*packet=(\d+)", some).groups()
        self.assertEqual(self.shown("--packet", packet), of(rf"packet={packet}( |$)"))
        self.assertEqual(self.shown("--packet", f"{sender}/{packet}"),
                         of(rf"(node {sender} +packet\.(sent|lost|data) .*packet={packet}( |$))|"
                            rf"(received +from={sender} .*packet={packet}( |$))"))
        pid = re.search(r"pid=(0x[0-9a-f]+)", of(r" proc\.start ")[0]).group(1)
        self.assertEqual(self.shown("--pid", pid, "--node", "4"),
                         of(rf" node 4 .*(pid|sup|parent)={pid}( |$)"))
        node, op = re.search(r"node (\d+) .*op=(\d+)", of(r" work\.asked ")[0]).groups()
        self.assertEqual(self.shown("--op", f"{node}/{op}"), of(rf"node {node} .*op={op}( |$)"))
        self.assertGreater(len(of(rf"node {node} .*op={op}( |$)")), 2)

    def test_a_summary_counts_what_is_printed(self):
        counts = {}
        for line in self.lines:
            kind = re.search(r" ([a-z_]+\.[a-z_]+|log) ", line[15:] + " ").group(1)
            counts[kind] = counts.get(kind, 0) + 1
        page = self.shown("--summary")
        self.assertIn("  scenario           small", page)
        self.assertIn("  nodes              0 to 39", page)
        self.assertIn("  damage             none", page)
        told = {}
        for line in page[page.index(next(x for x in page if x.startswith("  kind "))) + 1:]:
            told[line.split()[0]] = int(line.split()[1].replace(",", ""))
        self.assertEqual(told, counts)

    def test_a_put_is_followed_from_its_asking_to_the_nodes_that_stored(self):
        asked = next(line for line in self.lines if " work.asked " in line)
        node, op, key = re.search(r"node (\d+) .*op=(\d+) key=([0-9a-f]+)", asked).groups()
        story = self.shown("--follow", f"op:{node}/{op}")
        self.assertEqual(story[0], asked)
        stored = [line for line in self.lines
                  if f" dht.stored " in line and key in line]
        told = [re.sub(r" +", " ", line) for line in story]
        for line in stored[:3]:
            self.assertIn(re.sub(r" +", " ", line), told)
        self.assertTrue(any("work.done" in line for line in story))

    def test_a_packet_is_followed_back_to_its_root_and_on(self):
        reply = next(line for line in self.lines
                     if " packet.sent " in line and float(line.split()[0]) > 9)
        sender, packet = re.search(r"node (\d+) .*packet=(\d+)", reply).groups()
        story = self.shown("--follow", f"packet:{sender}/{packet}")
        marked = [line for line in story if line.startswith(">")]
        self.assertEqual(len(marked), 1)
        self.assertEqual(re.sub(r" +", " ", marked[0][1:]), re.sub(r" +", " ", reply[1:]))
        after = story[story.index(marked[0]) + 1]
        self.assertRegex(after, rf"packet\.(received +from={sender}|lost) .*packet={packet}\b")
        self.assertEqual(story[0][29], story[0][29:].lstrip()[0])  # the root is not indented

    def test_mistakes_are_told_in_one_line(self):
        for options, words in [
                (("--kind", "lokup"), 'unknown kind "lokup", did you mean "lookup"?'),
                (("--kind", "lookup.dome"), 'unknown kind "lookup.dome", did you mean "lookup.done"?'),
                (("--node", "x"), '"x" is no node'),
                (("--from", "soon"), '"soon" is no time'),
                (("--pid", "0x"), '"0x" is no process'),
                (("--pid", "0x12g"), '"0x12g" is no process'),
                (("--packet", "a/1"), '"a/1" is no packet'),
                (("--op", "1/"), '"1/" is no operation'),
                (("--follow", "17"), '"17" cannot be followed'),
                (("--follow", "packet:17"), '"packet:17" cannot be followed'),
                (("--follow", "packet:3/99999999"), "run.trace: no packet of that node"),
                (("--follow", "op:3/99999999"), "run.trace: no operation of that node"),
                (("--head", "--summary"), "at a time"),
                (("--summary", "--node", "3"), "of the whole trace"),
                (("--at", "3s"), "--at goes with"),
                (("--sumary",), 'unknown option "--sumary", did you mean "--summary"?'),
                ]:
            done = weft("trace", self.trace, *options)
            self.assertEqual(done.returncode, 2, (options, done.stdout[:200]))
            self.assertIn(words, done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
            self.assertEqual(done.stdout, "")

    def test_exports_write_what_they_are_asked_for(self):
        for option, begins in [("--perfetto", "{"), ("--shiviz", ""), ("--dot", "digraph"),
                               ("--openmetrics", "#"), ("--jsonl", "{")]:
            out = os.path.join(self.folder.name, "out" + option)
            self.assertEqual(self.shown(option, out, "--node", "3", "--node", "4"), [])
            with open(out, encoding="utf-8") as file:
                text = file.read()
            self.assertTrue(text.startswith(begins) and len(text) > 20, (option, text[:80]))
        lines = self.shown("--jsonl", "-", "--kind", "work.done", "--node", "3", "--to", "1min")
        self.assertEqual(len(lines), len(self.shown("--kind", "work.done", "--node", "3")))
        tables = os.path.join(self.folder.name, "tables")
        self.assertEqual(self.shown("--csv", tables), [])
        self.assertTrue(any(name.endswith(".csv") for name in os.listdir(tables)))
        early = self.shown("--dot", "-", "--at", "100ms")
        self.assertLess(len(early), len(self.shown("--dot", "-", "--at", "20s")))
        done = weft("trace", self.trace, "--jsonl", "/no/such/folder/x")
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, "^weft: --jsonl: /no/such/folder/x.*cannot be written.*\n$")

    def test_a_damaged_trace_shows_the_rest_and_says_what_is_lost(self):
        damaged = os.path.join(self.folder.name, "damaged.trace")
        with open(self.trace, "rb") as file:
            data = bytearray(file.read())
        at = data.index(b"WEFTTRC2", data.index(b"WEFTTRC2", 8) + 8) + 200  # in the second block
        data[at] ^= 0xff
        with open(damaged, "wb") as file:
            file.write(data)
        done = weft("trace", damaged)
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, r"^weft: \S+damaged\.trace: damaged from byte \d+ on, "
                                      r"[\d,]+ bytes and 1 block lost; the rest was read\n$")
        shown = done.stdout.splitlines()
        self.assertTrue(0 < len(shown) < len(self.lines))
        self.assertLessEqual(set(shown), set(self.lines))
        page = weft("trace", damaged, "--summary")
        self.assertRegex(page.stdout, r"damage +[\d,]+ bytes, 1 block, from byte \d+")
        self.assertEqual(page.returncode, 2)

    def test_a_file_of_an_earlier_build_reads_as_it_did(self):
        folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden_trace")
        trace = os.path.join(folder, "tiny.trace")
        for options, golden in [((), "tiny.txt"), (("--summary",), "tiny.summary")]:
            with open(os.path.join(folder, golden), encoding="utf-8") as file:
                self.assertEqual(weft("trace", trace, *options).stdout, file.read(), golden)

    def test_a_full_disk_under_the_output_is_told(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([WEFT, "trace", self.trace], stdout=full, stderr=subprocess.PIPE,
                                  text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("standard output cannot be written", done.stderr)

    def test_a_trace_to_a_full_disk_is_told(self):
        scenario = os.path.join(self.folder.name, "small.yaml")
        done = weft("run", scenario, "--trace", "/dev/full")
        self.assertEqual(done.returncode, 3)
        self.assertIn("/dev/full is not complete: no space left on the disk", done.stderr)

    def test_the_same_run_writes_the_same_file(self):
        scenario = os.path.join(self.folder.name, "small.yaml")
        again = os.path.join(self.folder.name, "again.trace")
        weft("run", scenario, "--trace", again)
        with open(self.trace, "rb") as one, open(again, "rb") as other:
            self.assertEqual(one.read(), other.read())


if __name__ == "__main__":
    unittest.main()
