#!/usr/bin/env python3
"""`weft run --report`: the page is that of the run's trace, whether the run holds or not; nothing
else is left; and what cannot be is said before the run begins."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import urllib.request

WEFT = os.path.abspath(os.path.join(os.environ.get("WEFT_BIN", "build/bin"), "weft"))
MESH = """
name: paged
population: 12
join: {from: seeds, seeds: 3, over: 2s}
network:
  delay: {uniform: [20ms, 60ms]}
workload:
  - put: {every: 300ms, from: 5s, until: 15s}
  - get: {every: 200ms, from: 8s}
faults:
  - crash: {at: 12s, nodes: 1, for: 4s}
checks:
  - stored_found: {within: 10s, at_least: 50%}
stop: 30s
"""
FAILS = ["--set", "checks.0.stored_found.within=1s", "--set", "network.loss=70%"]


def weft(*args):
    return subprocess.run([WEFT, *args], capture_output=True, text=True, timeout=120)


class ReportOfRun(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="weft-paged-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.mesh = self.path("mesh.yaml")
        self.page = self.path("page.html")
        with open(self.mesh, "w", encoding="utf-8") as file:
            file.write(MESH)

    def path(self, name):
        return os.path.join(self.folder, name)

    def run_it(self, *args, status=0):
        ran = weft("run", self.mesh, "--json", *args)
        self.assertEqual(ran.returncode, status, ran.stdout + ran.stderr)
        return ran

    @staticmethod
    def read(path):
        with open(path, "rb") as file:
            return file.read()

    def test_it_is_the_page_of_the_trace(self):
        trace = self.path("run.trace")
        plain = json.loads(self.run_it().stdout)
        for args, status in (([], 0), (FAILS, 1)):
            ran = self.run_it("--trace", trace, "--report", self.page, *args, status=status)
            self.assertEqual(ran.stderr, f"weft: the report is {self.page}\n")
            said = json.loads(ran.stdout)
            self.assertEqual(said["hash"] == plain["hash"], not args)
            self.assertEqual(weft("report", trace, "-o", self.path("other.html")).returncode, 0)
            page = self.read(self.page)
            self.assertEqual(page, self.read(self.path("other.html")))
            self.assertIn(said["hash"].encode(), page)

    def test_a_trace_that_nobody_asked_for_does_not_stay(self):
        for args, status in (([], 0), (FAILS, 1), (["--trace-packets"], 0),
                             (["--trace-only", "lookup,work"], 0), (["--threads", "2"], 0)):
            self.run_it("--report", self.page, *args, status=status)
            self.assertEqual(sorted(os.listdir(self.folder)), ["mesh.yaml", "page.html"])
            self.assertTrue(self.read(self.page).startswith(b"<!"))
            os.remove(self.page)

    def test_a_page_of_an_earlier_run_does_not_outlast_this(self):
        with open(self.page, "w", encoding="utf-8") as file:
            file.write("of an earlier run")
        args = [WEFT, "run", self.mesh, "--set", "population=2000", "--report", self.page]
        for stop in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
            with subprocess.Popen(args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
                                  ) as run:
                deadline = time.monotonic() + 30
                while time.monotonic() < deadline and not self.own_trace():
                    time.sleep(0.01)
                self.assertTrue(self.own_trace())
                run.send_signal(stop)
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline and self.own_trace():
                time.sleep(0.01)
            self.assertEqual(os.listdir(self.folder), ["mesh.yaml"], stop)

    def own_trace(self):
        return [name for name in os.listdir(self.folder) if name.startswith("page.html.trace-")]

    def panic(self, *args):
        """A run that somebody hits in its midst: what it says."""
        with subprocess.Popen([WEFT, "run", self.mesh, "--set", "population=1000", "--set",
                               "stop=600s", "--live=0", *args],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
            port = int(re.search(r"127\.0\.0\.1:(\d+)/", run.stderr.readline())[1])
            deadline, last = time.monotonic() + 60, 0
            while last < 15e6 and time.monotonic() < deadline:
                time.sleep(0.1)
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/state.json") as answer:
                    last = json.load(answer)["last"]
            self.assertGreaterEqual(last, 15e6)
            run.send_signal(signal.SIGSEGV)
            _, said = run.communicate(timeout=60)
            self.assertEqual(run.returncode, 3, said)
            self.assertRegex(said, r"(?m)^panic: ")
            self.assertRegex(said, r"(?m)^repeat: ")
        return said

    def told(self, trace):
        ran = weft("trace", trace)
        self.assertIn(ran.returncode, (0, 2))  # the hit may have been in the midst of a record
        self.assertRegex(ran.stderr, r"\A(weft: .* damaged .*\n)?\Z")
        at = float(re.match(r" *([0-9.]+) s", ran.stdout.splitlines()[-1])[1])
        return ran.stdout, at

    def test_a_run_in_a_panic_has_its_last_seconds(self):
        trace = self.path("run.trace")
        said = self.panic("--trace", trace, "--trace-last", "3s")
        self.assertIn(f"weft: what came before the panic is in {trace}\n", said)
        at = float(re.search(r"(?m)^at (\d+\.\d{9}) s of virtual time", said)[1])
        lines, last = self.told(trace)
        self.assertLessEqual(at - last, 0.1)
        self.assertGreaterEqual(lines.count(" node.up "), 1000)  # kept from the beginning
        sent = [float(line.split()[0]) for line in lines.splitlines() if " packet.sent " in line]
        self.assertGreater(sent[0], at - 8)  # whole blocks
        self.assertLessEqual(sent[0], at - 3)

    def test_a_run_in_a_panic_has_a_page(self):
        said = self.panic("--report", self.page)
        self.assertIn(f"weft: the report is {self.page}\n", said)
        page = self.read(self.page).decode()
        first = page.index('"last":') + len('"last":')
        at = float(re.search(r"(?m)^at (\d+\.\d{9}) s of virtual time", said)[1])
        self.assertLessEqual(at - float(page[first:page.index(",", first)]) / 1e6, 0.1)
        self.assertIn('"cut":true', page)
        self.assertEqual(sorted(os.listdir(self.folder)), ["mesh.yaml", "page.html"])

    def test_it_is_there_while_a_browser_looks_on(self):
        with subprocess.Popen([WEFT, "run", self.mesh, "--live=0", "--report", self.page],
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as run:
            self.addCleanup(run.kill)
            said, written = "", f"weft: the report is {self.page}\n"
            while "Ctrl-C" not in said or written not in said:  # two processes say them
                line = run.stderr.readline()
                self.assertTrue(line, said)
                said += line
            size = os.path.getsize(self.page)
            run.send_signal(signal.SIGINT)
            self.assertEqual(run.wait(30), 0)
        self.assertGreater(size, 100000)

    def test_what_cannot_be_is_one_line_before_the_run(self):
        os.mkdir(self.path("folder"))
        for args, wanted in (
                (["--report", self.page, "--seeds", "3"], "--report is of one seed, not with --seeds"),
                (["--report", self.page, "--trace", self.page], "name the same file"),
                (["--report", self.page, "--trace-last", "3s"], "not with --trace-last"),
                (["--report", self.page, "--trace", self.path("t"), "--trace-last", "3s"],
                 "not with --trace-last"),
                (["--report", "-"], 'needs a file, not "-"'),
                (["--report", self.path("folder")], "folder cannot be written: Is a directory"),
                (["--report", self.path("none/x.html")], "none/x.html cannot be written: No such"),
                (["--report", self.page, "--trace", self.path("none/x")], "none/x cannot be written"),
                (["--report"], "needs a value")):
            ran = weft("run", self.mesh, *args)
            self.assertEqual((ran.returncode, ran.stdout), (2, ""), args)
            self.assertIn(wanted, ran.stderr)
            self.assertEqual(ran.stderr.count("\n"), 1, ran.stderr)
            self.assertEqual(sorted(os.listdir(self.folder)), ["folder", "mesh.yaml"], args)


if __name__ == "__main__":
    unittest.main()
