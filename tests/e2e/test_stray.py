#!/usr/bin/env python3
"""weft run is confined: simulated code that reads a clock, draws bytes of the machine, starts a
thread or opens a socket is named, with what to use instead, the node and the line that repeats it."""
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import unittest

BIN = os.path.abspath(os.environ.get("WEFT_BIN", "build/bin"))
WEFT = os.path.join(BIN, "weft")
MODULES = os.path.join(os.path.dirname(BIN), "modules")

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

STRAYS = [
    (1, "a clock was read", "env->clock"),
    (2, "a clock was read", "env->clock"),
    (3, "getrandom", "env->entropy"),
    (4, "socket", "env->net"),
    (5, "thread", "env->job"),
    (6, "rdtsc", "env->clock"),
    (7, "clock_nanosleep", "timers"),
]


def run(folder, module, process):
    shutil.copy(os.path.join(MODULES, module), folder)
    path = os.path.join(folder, "stray.yaml")
    with open(path, "w") as out:
        out.write(SCENARIO % (module, process))
    return subprocess.run([WEFT, "run", "--json", path], capture_output=True, text=True, timeout=60)


def confined():
    with tempfile.TemporaryDirectory() as folder:
        return json.loads(run(folder, "beat_v1.so", "beat").stdout)["confined"]


class Stray(unittest.TestCase):
    def test_a_run_is_confined_here(self):
        with open("/proc/self/status") as status:
            has_seccomp = "Seccomp:" in status.read()
        self.assertEqual(confined(), platform.machine() == "x86_64" and has_seccomp)

    def test_each_stray_call_is_named(self):
        if not confined():
            self.skipTest("nothing is trapped on this machine")
        for version, what, instead in STRAYS:
            with self.subTest(what=what, version=version), tempfile.TemporaryDirectory() as folder:
                done = run(folder, f"stray_v{version}.so", "stray")
                self.assertEqual(done.returncode, 3, done.stderr)
                self.assertIn("stray call: ", done.stderr)
                self.assertIn(what, done.stderr)
                self.assertIn(instead, done.stderr)
                self.assertIn("node 0", done.stderr)
                self.assertRegex(done.stderr, r"(?m)^repeat: .*weft run .*stray.yaml --seed 1$")
                self.assertIn("at on_init ", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv, verbosity=0)
