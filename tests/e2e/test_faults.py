#!/usr/bin/env python3
"""Every scenario of scenarios/faults holds, and each of its faults and each part of them bites. Each
fault has a twin: the same scenario with that fault made toothless fails, and tells it as dead. It is
made so by letting it hit a node alone that is not up before the end; where that is not possible, or
not enough, a scenario names twins in comment lines:

    # twin: faults.0.crash.nodes=[9]       one or more --set, between spaces
    # says: never bit                      in the reasons of the twin above; this, unless it says other
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


def twins_of(path):
    """(settings, what is said) of each twin that the scenario names."""
    with open(path, encoding="utf-8") as file:
        found = re.findall(r"^# twin: (.*)\n(?:# says: (.*)\n)?", file.read(), re.M)
    return [(shlex.split(settings), says or "never bit") for settings, says in found]


def toothless(path, index, kind):
    """Settings by which fault `index` hits a node alone that comes up when all is over."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    population = int(re.search(r"^population: (\d+)$", text, re.M).group(1))
    stop = int(re.search(r"^stop: (\d+)s$", text, re.M).group(1))
    never = f"{{count: 1, join: {{at: {stop * 1000 - 2}ms, over: 1ms}}}}"
    groups = f"groups.never={never}"
    if not re.search(r"^groups:", text, re.M):
        groups = f"groups={{early: {{count: {population}}}, never: {never}}}"
    line = re.findall(r"^  - (\w+: \{.*)$", text[text.index("faults:") :], re.M)[index]
    whom = "from" if re.search(r"\bfrom: ", line) else "nodes"
    return [f"population={population + 1}", groups, f"faults.{index}.{kind}.{whom}=never"]


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
                    for part in fault["parts"]:
                        self.assertGreater(part["bit"], 0, fault)

    def told_dead(self, path, settings, says):
        """Run a twin that says so. The lines of the faults that are told as dead."""
        status, page = self.weft(path, *settings)
        self.assertEqual(status, 1, f"the twin holds: {settings}")
        self.assertTrue(any(says in reason for reason in page["reasons"]), (settings, page["reasons"]))
        found = (re.search(r":(\d+): dead fault: \w+ was ", reason) for reason in page["reasons"])
        return {int(told.group(1)) for told in found if told}

    def test_every_toothless_twin_is_told(self):
        for path in self.paths:
            with self.subTest(os.path.basename(path)):
                dead = set()
                for settings, says in twins_of(path):
                    dead |= self.told_dead(path, settings, says)
                for index, fault in enumerate(self.weft(path)[1]["faults"]):
                    if fault["line"] in dead:
                        continue
                    says = f":{fault['line']}: dead fault: {fault['kind']} was "
                    self.told_dead(path, toothless(path, index, fault["kind"]), says)


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=2)
    count = program.result.testsRun
    wrong = len(program.result.failures) + len(program.result.errors)
    print(f"{max(count - wrong, 0)} passed, {wrong} failed")
    sys.exit(not program.result.wasSuccessful())
