#!/usr/bin/env python3
"""The wrong files of tests/unit/scenario/bad, through the command: `weft check` tells exactly the lines beside each,
and exits with 2."""

import glob
import os
import subprocess
import sys
import unittest

SOURCE = os.environ.get("WEFT_SOURCE", os.getcwd())
WEFT = os.path.abspath(os.path.join(os.environ.get("WEFT_BIN", "build/bin"), "weft"))
FOLDER = os.path.join(SOURCE, "tests/unit/scenario/bad")
FILES_MIN = 250


def lines_of(path):
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read().splitlines()


class BadScenarios(unittest.TestCase):
    def test_each_is_refused_with_its_lines(self):
        names = sorted(os.path.basename(path)[: -len(".yaml")] for path in glob.glob(os.path.join(FOLDER, "*.yaml")))
        self.assertGreaterEqual(len(names), FILES_MIN)
        for name in names:
            with self.subTest(name):
                path = os.path.join(FOLDER, name)
                sets = lines_of(path + ".sets") if os.path.exists(path + ".sets") else []
                args = [word for one in sets for word in ("--set", one)]
                run = subprocess.run([WEFT, "check", name + ".yaml", *args], capture_output=True, cwd=FOLDER, timeout=60)
                told = run.stderr.decode(errors="surrogateescape").splitlines()
                self.assertEqual(run.returncode, 2, told)
                self.assertEqual(told, lines_of(path + ".txt"))


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=2)
    count = program.result.testsRun
    wrong = len(program.result.failures) + len(program.result.errors)
    print(f"{max(count - wrong, 0)} passed, {wrong} failed")
    sys.exit(not program.result.wasSuccessful())
