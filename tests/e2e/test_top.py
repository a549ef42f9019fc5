#!/usr/bin/env python3
"""`weft top`: frames of a run, by its trace or beside it, and of daemons. What a frame says is
recomputed from the events."""

import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

sys.path.insert(0, os.path.join(os.environ.get("WEFT_SOURCE", os.getcwd()), "tests"))
from harness.daemons import Daemons, wait_until  # noqa: E402

SOURCE = os.environ.get("WEFT_SOURCE", os.getcwd())
WEFT = os.path.abspath(os.path.join(os.environ.get("WEFT_BIN", "build/bin"), "weft"))
SCENARIO = os.path.join(SOURCE, "scenarios/first-partition.yaml")
with open(os.path.join(SOURCE, "README.md"), encoding="utf-8") as readme:
    DEMO_HASH = re.search(r"run hash +([0-9a-f]{32})", readme.read())[1]
SET = ["--set", "population=60"]
WAIT_MAX = 60


def weft(*args, **env):
    return subprocess.run([WEFT, *args], capture_output=True, text=True, timeout=WAIT_MAX,
                          env={**os.environ, **env})


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, *args, rows=24, columns=80):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execv(WEFT, [WEFT, *args])
        self.resize(rows, columns)
        self.text = ""

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds):
        """What comes in that time; False: it has ended."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([self.fd], [], [], left)[0]:
                continue
            try:
                got = os.read(self.fd, 65536)
            except OSError:
                return False
            if not got:
                return False
            self.text += got.decode("utf-8", "replace")
        return True

    def wait(self, pattern):
        deadline = time.monotonic() + WAIT_MAX
        while not re.search(pattern, self.text):
            alive = self.read(0.1)
            if time.monotonic() > deadline or (not alive and not re.search(pattern, self.text)):
                raise AssertionError(f"no {pattern!r} in {self.text[-3000:]!r}")

    def frame(self):
        """The lines of the last whole frame."""
        self.wait("\033\\[H[^\0]*\033\\[J")
        last = [part for part in self.text.split("\033[H")[1:] if "\033[J" in part][-1]
        plain = re.sub(r"\033\[[?0-9;]*[a-zA-Z]", "", last.split("\033[J")[0])
        return plain.split("\r\n")

    def key(self, key):
        self.text = ""
        os.write(self.fd, key.encode())

    def end(self):
        while self.read(1):
            pass
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


class Top(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="weft-top-")
        cls.trace = os.path.join(cls.folder, "run.trace")
        cls.page = json.loads(weft("run", SCENARIO, *SET, "--json", "--trace", cls.trace).stdout)
        cls.lines = weft("trace", cls.trace, "--to", "45s").stdout.splitlines()

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def once(self, *args, **env):
        done = weft("top", self.trace, "--once", *args, **env)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.splitlines()

    def count(self, pattern):
        return sum(re.search(pattern, line) is not None for line in self.lines)

    # --- one frame ---

    def test_a_frame_says_what_the_trace_said_by_then(self):
        frame = self.once("--at", "45s")
        self.assertRegex(frame[0], r"^first-partition, seed 1   4[45]\.\d{3} of 120 s$")
        ups, downs = self.count(r" node\.up "), self.count(r" node\.down ")
        self.assertGreater(downs, 5)
        self.assertIn(f"{ups - downs} up of 60", frame[1])
        text = "\n".join(frame)
        on, off = self.count(r" fault\.on "), self.count(r" fault\.off ")
        self.assertIn(f"faults on  {on - off}", text)
        self.assertRegex(text, r"since +30\.000 s  partition 30\|30")
        lookups = self.count(r" lookup\.done ")
        self.assertRegex(text, f"lookups .* {lookups:,} so far")

    def test_nodes_are_sorted_and_what_a_row_says_is_so(self):
        frame = self.once("--at", "45s", "--sort", "lookups", LINES="90")
        start = next(i for i, line in enumerate(frame) if line.split()[:2] == ["node", "state"])
        rows = [line.split() for line in frame[start + 1:]]
        self.assertEqual(len(rows), 60)
        lookups = [int(row[-1]) for row in rows]
        self.assertEqual(lookups, sorted(lookups, reverse=True))
        node = rows[0][0]
        self.assertEqual(lookups[0], sum(f" node {node} " in line and " lookup.done " in line
                                         for line in self.lines_of_life(node)))
        self.assertEqual(sum(row[1] in ("up", "joined") for row in rows),
                         self.count(r" node\.up ") - self.count(r" node\.down "))

    def lines_of_life(self, node):
        """Events of the node since it came up last."""
        mine = [line for line in self.lines if f" node {node} " in line]
        last = max(i for i, line in enumerate(mine) if " node.up " in line)
        return mine[last:]

    def test_the_end_has_the_verdict(self):
        frame = self.once()
        self.assertRegex(frame[0], "holds$" if self.page["verdict"] == "holds" else "FAILS$")
        self.assertIn("0 up of 60", frame[1])

    def test_a_frame_fits_where_it_goes(self):
        for rows, columns in ((24, 80), (6, 40), (1, 10)):
            frame = self.once("--at", "45s", LINES=str(rows), COLUMNS=str(columns))
            self.assertLessEqual(len(frame), rows)
            self.assertLessEqual(max(map(len, frame)), columns)
        self.assertLess(max(map(len, self.once("--at", "45s"))), 81)
        self.assertIn("lookups", self.once("--at", "45s")[self.header(self.once("--at", "45s"))])

    @staticmethod
    def header(frame):
        return next(i for i, line in enumerate(frame) if line.split()[:2] == ["node", "state"])

    # --- on a terminal ---

    def test_it_draws_sorts_resizes_and_ends_with_q(self):
        screen = Terminal("top", self.trace)
        screen.wait(r"holds|FAILS")
        self.assertEqual(len(screen.frame()), 24)
        screen.text = ""
        screen.resize(10, 60)
        screen.wait("\033\\[J")
        screen.read(1.5)
        self.assertIn(len(screen.frame()), (9, 10))  # the head, and a table that has two lines
        self.assertLessEqual(max(map(len, screen.frame())), 60)
        screen.key("s")
        screen.wait("\033\\[J")
        screen.key("q")
        self.assertEqual(screen.end(), 0)
        self.assertTrue(screen.text.endswith("\033[?25h\033[?1049l"))  # as it was

    def test_a_signal_gives_the_terminal_back(self):
        screen = Terminal("top", self.trace)
        screen.wait(r"holds|FAILS")
        os.kill(screen.pid, signal.SIGTERM)
        self.assertEqual(screen.end(), 0)
        self.assertTrue(screen.text.endswith("\033[?25h\033[?1049l"))

    def test_a_run_is_shown_beside_itself_and_then_printed(self):
        screen = Terminal("run", SCENARIO, *SET, "--top")
        screen.wait(r"first-partition, seed 1")
        screen.wait(r"holds|FAILS")
        screen.key("q")
        status = screen.end()
        self.assertEqual(status, 0 if self.page["verdict"] == "holds" else 1)
        after = screen.text.split("\033[?1049l")[-1]
        self.assertIn(self.page["hash"], after)

    def test_a_view_that_is_left_early_leaves_the_run_alone(self):
        screen = Terminal("run", SCENARIO, "--top")
        screen.wait(r"of 120 s")
        screen.key("q")
        self.assertEqual(screen.end(), 0)
        self.assertIn(DEMO_HASH, screen.text.split("\033[?1049l")[-1])

    # --- daemons ---

    def test_daemons_are_asked_and_those_that_are_gone_are_told(self):
        with Daemons() as daemons:
            daemons.weftd("a", "127.0.0.1", 26411)
            daemons.weftd("b", "127.0.0.1", 26412, bootstrap=["127.0.0.1:26411"])
            sockets = [daemons.path(name) for name in ("a.sock", "b.sock", "none.sock")]
            wait_until(lambda: "2 up of 3" in weft("top", "--once", "--control", *sockets).stdout
                       and self.row(sockets, "a.sock")[8] == "1", 20, "they know each other")
            done = weft("top", "--once", "--control", *sockets)
            self.assertEqual(done.returncode, 0)
            self.assertRegex(done.stdout, r"none\.sock +not running")
            self.assertLess(max(map(len, done.stdout.splitlines())), 81)
            status = self.status(daemons, "a")
            row = self.row(sockets, "a.sock")
            self.assertEqual(row[2], status["processes"])
            self.assertEqual(row[4], status["restarts"])
            self.assertEqual(row[5], status["faulted"])
            self.assertEqual(status["restarts"], "0")
            before = int(status["lookups_done"])
            for _ in range(3):
                self.ask(daemons, "a", "dht", "find", "ab" * 20)
            self.assertGreaterEqual(int(self.status(daemons, "a")["lookups_done"]), before + 3)
        gone = weft("top", "--once", "--control", *sockets)
        self.assertEqual(gone.returncode, 1)
        self.assertIn("0 up of 3", gone.stdout)

    @staticmethod
    def row(sockets, name):
        lines = weft("top", "--once", "--control", *sockets).stdout.splitlines()
        return next(line for line in lines if name in line).split()

    @staticmethod
    def ask(daemons, name, *words):
        weftctl = os.path.join(os.path.dirname(WEFT), "weftctl")
        return subprocess.run([weftctl, "--control", daemons.path(name + ".sock"), *words],
                              capture_output=True, text=True, timeout=WAIT_MAX).stdout

    def status(self, daemons, name):
        return dict(line.split(" ", 1) for line in self.ask(daemons, name, "status").splitlines())

    # --- mistakes ---

    def test_mistakes_are_one_line(self):
        for args, wanted in ((["/no/such/file"], "/no/such/file"),
                             ([self.trace, "--sort", "size"], '--sort takes node, mailbox'),
                             ([self.trace, "--at", "soon"], "--at takes one"),
                             ([self.trace, self.trace], "one trace at a time"),
                             ([self.trace, "--control", "x"], "not both")):
            done = weft("top", *args, "--once")
            self.assertEqual(done.returncode, 2, args)
            self.assertIn(wanted, done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1)
        self.assertEqual(weft("top").returncode, 2)


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=2)
    count = program.result.testsRun
    wrong = len(program.result.failures) + len(program.result.errors)
    print(f"{max(count - wrong, 0)} passed, {wrong} failed")
    sys.exit(not program.result.wasSuccessful())
