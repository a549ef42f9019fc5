#!/usr/bin/env python3
"""Every scenario of these folders is the same run on two threads as on one: hash, events, verdict,
faults, checks, workload and memory. What has to run alone says why, and runs."""

import glob
import json
import os
import subprocess
import sys
import unittest

SOURCE = os.environ.get("WEFT_SOURCE", os.getcwd())
WEFT = os.path.abspath(os.path.join(os.environ.get("WEFT_BIN", "build/bin"), "weft"))
FOLDERS = ["scenarios", "scenarios/scale", "scenarios/regressions", "scenarios/faults"]
SECONDS_MAX = 120
OF_THE_MACHINE = ("wall_s", "peak_rss_bytes", "repeat", "build", "confined")


def weft(*args):
    return subprocess.run([WEFT, *args], capture_output=True, text=True, timeout=SECONDS_MAX)


def page(*args):
    run = weft("run", *args, "--json")
    told = json.loads(run.stdout)
    return {key: told[key] for key in told if key not in OF_THE_MACHINE}, run


class Threads(unittest.TestCase):
    def test_two_threads_give_the_run_of_one(self):
        for folder in FOLDERS:
            for path in sorted(glob.glob(os.path.join(SOURCE, folder, "*.yaml"))):
                with self.subTest(os.path.relpath(path, SOURCE)):
                    one, first = page(path)
                    two, second = page(path, "--threads", "2")
                    self.assertEqual(one, two)
                    self.assertEqual(first.returncode, second.returncode)

    def test_a_trace_is_the_same_file(self):
        path, files = os.path.join(SOURCE, "scenarios/first-partition.yaml"), []
        for threads in "13":
            file = f"/tmp/weft-threads-{os.getpid()}-{threads}.trace"
            page(path, "--set", "population=200", "--until", "40s", "--threads", threads, "--trace", file)
            with open(file, "rb") as trace:
                files.append(trace.read())
            os.unlink(file)
        self.assertGreater(len(files[0]), 100000)
        self.assertEqual(files[0], files[1])

    def test_links_without_delay_run_alone_and_say_so(self):
        path = os.path.join(SOURCE, "scenarios/first-partition.yaml")
        _, run = page(path, "--threads", "2", "--set", "population=20", "--until", "2s",
                      "--set", "network.delay=0s")
        self.assertIn("on one thread: its links may take no time at all", run.stderr)

    def test_a_wrong_number_of_threads_is_told(self):
        for wrong in ("0", "65", "two"):
            run = weft("run", os.path.join(SOURCE, "scenarios/first-partition.yaml"), "--threads", wrong)
            self.assertEqual(run.returncode, 2)
            self.assertIn("--threads takes one from 1 to 64", run.stderr)


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=2)
    count = program.result.testsRun
    wrong = len(program.result.failures) + len(program.result.errors)
    print(f"{max(count - wrong, 0)} passed, {wrong} failed")
    sys.exit(not program.result.wasSuccessful())
