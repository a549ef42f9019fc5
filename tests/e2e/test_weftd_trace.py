#!/usr/bin/env python3
"""`weftd --trace`: a node on real sockets writes the trace that a simulated one does."""

import os
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.environ.get("WEFT_SOURCE", os.getcwd()), "tests"))
from harness import exports  # noqa: E402
from harness.daemons import BIN, Daemons, wait_until  # noqa: E402

WEFT = os.path.abspath(os.path.join(BIN, "weft"))
WEFTD = os.path.abspath(os.path.join(BIN, "weftd"))
PORT = 26451


def lines(path, *args):
    done = subprocess.run([WEFT, "trace", path, *args], capture_output=True, text=True, timeout=60)
    return done.stdout.splitlines(), done


def kinds(path):
    return [line.split()[4] for line in lines(path)[0]]


class WeftdTrace(unittest.TestCase):
    def two(self, daemons, *options):
        daemons.weftd("a", "127.0.0.1", PORT)
        return daemons.weftd("b", "127.0.0.1", PORT + 1, bootstrap=[f"127.0.0.1:{PORT}"],
                             options=["--trace", daemons.path("b.trace"), *options])

    def stop(self, process):
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(timeout=30), 0)

    def test_a_life_is_in_it_from_up_to_down(self):
        for schedulers in ("1", "3"):
            with self.subTest(schedulers=schedulers), Daemons() as daemons:
                process, trace = self.two(daemons, "--schedulers", schedulers), daemons.path("b.trace")
                wait_until(lambda: "dht.joined" in kinds(trace), 20, "readers see it join")
                wait_until(lambda: "node.sample" in kinds(trace), 20, "a sample")
                self.stop(process)
                told = kinds(trace)
                self.assertEqual((told[0], told[-1]), ("node.up", "node.down"))
                self.assertIn("dht.contact", told)
                self.assertIn("lookup.done", told)
                self.assertEqual(told.count("proc.start"), told.count("proc.exit"))
                text, done = lines(trace)
                self.assertEqual((done.returncode, done.stderr), (0, ""))  # whole, to its end
                self.assertIn(f"addr=127.0.0.1:{PORT + 1}", text[0])
                self.assertIn("clean=yes", text[-1])
                head = lines(trace, "--head")[0]
                self.assertIn(f"port={PORT + 1}", head)

    def test_kinds_are_chosen(self):
        with Daemons() as daemons:
            process = self.two(daemons, "--trace-only", "dht,node.down", "--trace-only", "log")
            time.sleep(1.5)
            self.stop(process)
            told = kinds(daemons.path("b.trace"))
            self.assertLessEqual({kind.split(".")[0] for kind in told}, {"dht", "node", "log"})
            self.assertNotIn("node.up", told)
            self.assertIn("dht.joined", told)

    def test_what_was_there_becomes_the_one_before(self):
        with Daemons() as daemons:
            with open(daemons.path("b.trace"), "w", encoding="ascii") as file:
                file.write("of another life")
            process = self.two(daemons)
            self.stop(process)
            with open(daemons.path("b.trace.1"), encoding="ascii") as file:
                self.assertEqual(file.read(), "of another life")
            self.assertEqual(kinds(daemons.path("b.trace"))[0], "node.up")

    def test_a_file_that_has_grown_makes_room_for_the_next(self):
        with Daemons() as daemons:
            process, trace = self.two(daemons, "--trace-size", "64K"), daemons.path("b.trace")
            weftctl = os.path.join(BIN, "weftctl")
            deadline = time.monotonic() + 60
            while not os.path.exists(trace + ".1") and time.monotonic() < deadline:
                for i in range(40):
                    key = f"{i:02x}" * 20
                    subprocess.run([weftctl, "--control", daemons.path("b.sock"), "dht", "find", key],
                                   capture_output=True, timeout=30)
            self.stop(process)
            self.assertGreaterEqual(os.path.getsize(trace + ".1"), 65536)
            first, second = lines(trace + ".1"), lines(trace)
            self.assertEqual((first[1].returncode, second[1].returncode), (0, 0))
            self.assertIn(" node.up ", first[0][0])
            self.assertIn(" node.down ", second[0][-1])
            self.assertIn("part=1", lines(trace, "--head")[0])

    def test_every_datagram_is_read_by_wireshark_s_own_dissector(self):
        for schedulers in ("1", "3"):
            with self.subTest(schedulers=schedulers), Daemons() as daemons:
                process = self.two(daemons, "--trace-packets", "--schedulers", schedulers)
                trace, out = daemons.path("b.trace"), daemons.path("b.pcapng")
                wait_until(lambda: "dht.joined" in kinds(trace), 20, "it joins")
                self.stop(process)
                told = kinds(trace)
                count = {kind: told.count(kind)
                         for kind in ("packet.sent", "packet.received", "packet.data")}
                self.assertGreater(count["packet.sent"], 0)
                self.assertGreater(count["packet.received"], 0)
                self.assertEqual(count["packet.sent"] + count["packet.received"], count["packet.data"])
                self.assertEqual(lines(trace, "--pcapng", out)[1].returncode, 0)
                packets = exports.pcapng(out)
                self.assertEqual(len(packets), count["packet.data"])
                ends = {True: (str(PORT + 1), str(PORT)), False: (str(PORT), str(PORT + 1))}
                names = {True: "node0-others", False: "others-node0"}
                went = [(packet["udp.srcport"], packet["udp.dstport"]) == ends[True] for packet in packets]
                self.assertEqual(sum(went), count["packet.sent"])
                for packet, out_bound in zip(packets, went):
                    self.assertEqual((packet["udp.srcport"], packet["udp.dstport"]), ends[out_bound])
                    self.assertEqual(packet["frame.interface_name"], names[out_bound])
                    self.assertNotIn("known", packet["frame.comment"])
                numbers = [packet["frame.packet_id"] for packet in packets]
                self.assertEqual(len(numbers), len(set(numbers)))
                stats = subprocess.run([WEFT, "stats", trace, "--json"], capture_output=True,
                                       text=True, timeout=60)
                self.assertEqual((stats.returncode, stats.stderr), (0, ""))
                self.assertNotIn('"delivery": 1', stats.stdout)

    def test_mistakes_are_one_line_that_names_the_option(self):
        for args, wanted in ((["--trace", ""], "--trace : expected a path"),
                             (["--trace", "/no/such/folder/x"], "--trace /no/such/folder/x"),
                             (["--trace-only", "lokup"], "--trace-only lokup: expected kinds"),
                             (["--trace-only", "log,"], "--trace-only log,: expected kinds"),
                             (["--trace-size", "5"], "--trace-size 5: expected 64K to 64G"),
                             (["--trace-size", "99G"], "--trace-size 99G: expected 64K to 64G"),
                             (["--trace-size", "1T"], "--trace-size 1T: expected 64K to 64G")):
            done = subprocess.run([WEFTD, "--no-control", "--dht-bind", "127.0.0.1", "--dht-port",
                                   str(PORT), *args], capture_output=True, text=True, timeout=30)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(wanted, done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=2)
    count = program.result.testsRun
    wrong = len(program.result.failures) + len(program.result.errors)
    print(f"{max(count - wrong, 0)} passed, {wrong} failed")
    sys.exit(not program.result.wasSuccessful())
