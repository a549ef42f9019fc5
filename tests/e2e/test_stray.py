#!/usr/bin/env python3
"""weft run is confined: simulated code that reads a clock, draws bytes of the machine, starts a
thread or opens a socket is named, with what to use instead, the node and the line that repeats it."""
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import unittest

BIN = os.path.abspath(os.environ.get("WEFT_BIN", "build/bin"))
WEFT = os.path.join(BIN, "weft")
MODULES = os.path.join(os.path.dirname(BIN), "modules")

SOURCE = os.environ.get("WEFT_SOURCE", os.getcwd())

SCENARIO = """\
name: stray
about: One node whose application does what it must not.
population: 1
stop: 12s
dht: off
apps: [%s]
faults:
  - poison: {at: 11s, nodes: [0], process: %s}
checks: [no_orphan]
"""

INSTEAD = {"CLOCK": "env->clock", "TIMER": "timers", "ENTROPY": "env->entropy", "THREAD": "env->job",
           "SOCKET": "env->net"}


def calls(path, names):
    """Rows of an X-macro: a name, and what it is about."""
    with open(os.path.join(SOURCE, path), encoding="utf-8") as source:
        text = source.read()
    table = text[text.index(f"#define {names}(X)"):]
    found = re.findall(r"^    X\((\w+), ([A-Z]+)", table[:table.index("\n\n")], re.MULTILINE)
    assert len(found) > 30, found
    return dict(found)


SYSTEM = calls("core/posix/strays.h", "WEFT_POSIX_STRAYS")
LIBC = calls("tests/modules/stray.c", "LIBC")


def run(folder, app, process):
    path = os.path.join(folder, "stray.yaml")
    with open(path, "w", encoding="utf-8") as out:
        out.write(SCENARIO % (app, process))
    return subprocess.run([WEFT, "run", "--json", "--modules", MODULES, path], capture_output=True,
                          text=True, timeout=60)


def confined():
    with tempfile.TemporaryDirectory() as folder:
        return json.loads(run(folder, "beat_v1.so", "beat").stdout)["confined"]


class Stray(unittest.TestCase):
    def test_a_run_is_confined_here(self):
        with open("/proc/self/status") as status:
            has_seccomp = "Seccomp:" in status.read()
        self.assertEqual(confined(), platform.machine() == "x86_64" and has_seccomp)

    def is_stopped(self, call, about):
        with tempfile.TemporaryDirectory() as folder:
            done = run(folder, f"{{module: stray_v1.so, env: {{call: {call}}}}}", "stray")
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("stray call: ", done.stderr)
        self.assertIn(INSTEAD[about], done.stderr)
        self.assertIn("node 0", done.stderr)
        self.assertRegex(done.stderr, r"(?m)^repeat: .*weft run .*stray.yaml --seed 1( --modules .*)?$")
        self.assertRegex(done.stderr, r"at (stray|make|call_\w+|on_init) ")
        return done.stderr

    def test_every_system_call_that_is_trapped_is_named(self):
        self.skip_unconfined()
        for name, about in SYSTEM.items():
            with self.subTest(name):
                self.assertIn(f"({name})", self.is_stopped(f"sys/{name}", about))

    def test_every_way_of_the_c_library_to_time_entropy_threads_processes_and_sockets_is_stopped(self):
        self.skip_unconfined()
        for name, about in LIBC.items():
            with self.subTest(name):
                self.is_stopped(f"libc/{name}", about)

    def skip_unconfined(self):
        if not confined():
            self.skipTest("nothing is trapped on this machine")

    def test_a_name_that_is_no_call_does_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            done = run(folder, "{module: stray_v1.so, env: {call: sys/getpid}}", "stray")
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv, verbosity=0)
