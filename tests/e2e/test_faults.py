#!/usr/bin/env python3
"""Every scenario of scenarios/faults holds and each of its faults bites. Its twin, the same with the
fault made toothless, fails and says so. A scenario names its twin in comment lines:

    # twin: faults.0.crash.nodes=[9]       one or more --set, between spaces
    # says: never bit                      in the reasons of the twin; this, unless it says other
"""

import glob
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = os.environ.get("WEFT_SOURCE", os.getcwd())
WEFT = os.path.abspath(os.path.join(os.environ.get("WEFT_BIN", "build/bin"), "weft"))
MODULES = os.path.join(os.path.abspath(os.environ.get("WEFT_BUILD", "build")), "modules")
SECONDS_MAX = 60


def said(path, word):
    with open(path, encoding="utf-8") as file:
        return [line for found in file if (line := re.match(rf"# {word}: (.*)$", found))]


class Faults(unittest.TestCase):
    """In a folder with all modules, so that a scenario may name any."""

    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        folder = os.path.join(self.temporary.name, "scenarios/faults")
        shutil.copytree(os.path.join(SOURCE, "scenarios"), os.path.join(self.temporary.name, "scenarios"))
        for module in glob.glob(os.path.join(MODULES, "*.so")):
            shutil.copy(module, folder)
        self.paths = sorted(glob.glob(os.path.join(folder, "*.yaml")))
        self.assertTrue(self.paths)

    def tearDown(self):
        self.temporary.cleanup()

    def weft(self, path, *sets):
        args = [WEFT, "run", path, "--json", *[word for one in sets for word in ("--set", one)]]
        run = subprocess.run(args, capture_output=True, text=True, timeout=SECONDS_MAX)
        self.assertIn(run.returncode, (0, 1), run.stdout + run.stderr)
        return run.returncode, json.loads(run.stdout)

    def test_every_kind_has_a_scenario(self):
        """Each kind that the parser knows is in one of these files, so that it bites and has a twin."""
        with open(os.path.join(SOURCE, "sim/fault/fault.h"), encoding="utf-8") as file:
            kinds = set(re.findall(r'^ +X\([A-Z_]+, "([a-z_]+)"\)', file.read(), re.M))
        self.assertGreater(len(kinds), 20)
        used = set()
        for path in self.paths:
            with open(path, encoding="utf-8") as file:
                used |= set(re.findall(r"^ +- ([a-z_]+):", file.read(), re.M))
        self.assertEqual(kinds - used, set())

    def test_every_fault_bites(self):
        for path in self.paths:
            with self.subTest(os.path.basename(path)):
                status, page = self.weft(path)
                self.assertEqual(status, 0, page["reasons"])
                self.assertTrue(page["faults"])
                for fault in page["faults"]:
                    self.assertGreater(fault["bit"], 0, fault)

    def test_every_toothless_twin_is_told(self):
        for path in self.paths:
            with self.subTest(os.path.basename(path)):
                twins, says = said(path, "twin"), said(path, "says")
                self.assertEqual(len(twins), 1, "no line '# twin: KEY=VALUE'")
                status, page = self.weft(path, *shlex.split(twins[0].group(1)))
                self.assertEqual(status, 1, "the twin holds")
                expected = says[0].group(1) if says else "never bit"
                self.assertTrue(any(expected in reason for reason in page["reasons"]), page["reasons"])


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=2)
    count = program.result.testsRun
    wrong = len(program.result.failures) + len(program.result.errors)
    print(f"{max(count - wrong, 0)} passed, {wrong} failed")
    sys.exit(not program.result.wasSuccessful())
