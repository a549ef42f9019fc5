#!/usr/bin/env python3
"""Bugs planted in the runtime, one at a time, each of which the campaign of random trees must catch.

tests/planted/NAME.patch: a first line "expect: TEXT", what the failing seed's reasons must say, then a
unified diff of one source file. The file is compiled with its own command of the build, takes the place of
its object in a copy of the archive, and `weft` is linked again: nothing else is built.

    test_planted.py [--budget SEEDS] [NAME ...]"""

import json
import glob
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

SOURCE = os.path.abspath(os.environ.get("WEFT_SOURCE", os.getcwd()))
BUILD = os.path.abspath(os.environ.get("WEFT_BUILD", "build"))
WEFT = os.path.join(os.path.abspath(os.environ.get("WEFT_BIN", os.path.join(BUILD, "bin"))), "weft")
HERE = os.path.join(SOURCE, "tests/planted")
LEAST = 10  # planted bugs that are to be caught
BUDGET = 300  # seeds in which each must be


def build_commands():
    """The commands that make `weft`, by what they make."""
    run = subprocess.run(["ninja", "-C", BUILD, "-t", "commands", "weft"], capture_output=True, text=True, check=True)
    commands = {}
    for line in run.stdout.splitlines():
        out = re.search(r" -o (\S+)", line)
        if out:
            commands[out.group(1)] = line
        elif " libweft_core.a " in line:
            commands["libweft_core.a"] = line
    return commands


class Bench:
    """A folder in which a patched `weft` is put together."""

    def __init__(self, folder):
        self.folder = folder
        self.commands = build_commands()
        self.archive = os.path.join(folder, "libweft_core.a")
        scenario = os.path.join(SOURCE, "scenarios/otp/random-trees.yaml")
        for path in [scenario, *glob.glob(os.path.join(BUILD, "modules/grove_v*.so"))]:
            shutil.copy(path, folder)
        self.scenario = os.path.join(folder, "random-trees.yaml")

    def shell(self, command):
        run = subprocess.run(command, shell=True, cwd=BUILD, capture_output=True, text=True)
        if run.returncode != 0:
            raise RuntimeError(f"{command}\n{run.stdout}{run.stderr}")

    def patched_source(self, patch):
        """The file's path in the project, and where its patched copy is."""
        path = re.search(r"^\+\+\+ b/(\S+)", open(patch).read(), re.M).group(1)
        copy = os.path.join(self.folder, path)
        os.makedirs(os.path.dirname(copy), exist_ok=True)
        shutil.copy(os.path.join(SOURCE, path), copy)
        run = subprocess.run(["patch", "-p1", "--no-backup-if-mismatch", "-i", patch], cwd=self.folder,
                             capture_output=True, text=True)
        if run.returncode != 0:
            raise RuntimeError(f"does not apply: {run.stdout}{run.stderr}")
        return path, copy

    def weft_with(self, patch):
        """The path of a `weft` with the patch."""
        path, copy = self.patched_source(patch)
        made = f"CMakeFiles/weft_core.dir/{path}.o"
        obj = os.path.join(self.folder, os.path.basename(path) + ".o")
        command = self.commands[made].replace(made, obj)
        self.shell(re.sub(rf"-c \S*{re.escape(path)}", f"-c {shlex.quote(copy)}", command))
        if os.path.exists(self.archive):
            os.remove(self.archive)
        archive = self.commands["libweft_core.a"].replace(made, obj)
        self.shell(re.sub(r"(?<=\s)libweft_core\.a", self.archive, archive))
        program = os.path.join(self.folder, "weft")
        link = self.commands["bin/weft"].replace("-o bin/weft", f"-o {program}")
        self.shell(re.sub(r"[^\s,]*libweft_core\.a", self.archive, link))
        os.remove(copy)
        return program

    def campaign(self, program, seeds):
        """How many seeds were run, and what the last one said; None when all hold."""
        run = subprocess.run([program, "run", self.scenario, "--seeds", str(seeds), "--json"],
                             capture_output=True, text=True, timeout=900)
        if run.returncode == 0:
            return json.loads(run.stdout)["seeds"], None
        if run.returncode == 1:
            page = json.loads(run.stdout)
            return page["seeds"], "\n".join(page["failures"][-1]["reasons"])
        seed = re.search(r"repeat: .*--seed (\d+)", run.stderr)  # a panic
        return int(seed.group(1)) if seed else 0, f"exit {run.returncode}: {run.stderr}"


def judge(bench, patch, budget):
    """What is wrong; None when the bug is caught by what should catch it."""
    expected = re.match(r"expect: (.*)", open(patch).readline()).group(1)
    seeds, why = bench.campaign(bench.weft_with(patch), budget)
    name = os.path.basename(patch)[: -len(".patch")]
    if why is None:
        return f"{name}: not caught in {seeds} seeds"
    if expected not in why:
        return f"{name}: caught after {seeds} seeds, but not by '{expected}':\n{why[:2000]}"
    print(f"ok   {name}: caught after {seeds} seeds by '{expected}': {why.splitlines()[0][:160]}", flush=True)
    return None


def cannot_apply(bench):
    """A patch that has gone stale is told, not passed over."""
    stale = os.path.join(bench.folder, "stale.patch")
    with open(stale, "w") as out:
        out.write("expect: x\n--- a/core/otp/names.c\n+++ b/core/otp/names.c\n@@ -1,2 +1,2 @@\n-nothing like it\n+x\n y\n")
    try:
        bench.patched_source(stale)
    except RuntimeError as error:
        return None if "does not apply" in str(error) else str(error)
    return "a stale patch was applied"


def main(arguments):
    if not os.path.exists(os.path.join(BUILD, "build.ninja")) or shutil.which("patch") is None:
        print("needs a build by ninja, and patch")
        return 77
    budget = BUDGET
    if arguments[:1] == ["--budget"]:
        budget, arguments = int(arguments[1]), arguments[2:]
    patches = sorted(glob.glob(os.path.join(HERE, "*.patch")))
    chosen = [path for path in patches if not arguments or os.path.basename(path)[: -len(".patch")] in arguments]
    wrong = [] if len(patches) >= LEAST else [f"{len(patches)} planted bugs, expected {LEAST}"]
    with tempfile.TemporaryDirectory(prefix="weft-planted-") as folder:
        bench = Bench(folder)
        wrong.append(cannot_apply(bench))
        seeds, why = bench.campaign(WEFT, budget)
        wrong.append(f"without a bug, after {seeds} seeds: {why}" if why else None)
        for patch in chosen:
            try:
                wrong.append(judge(bench, patch, budget))
            except RuntimeError as error:
                wrong.append(f"{os.path.basename(patch)}: {error}")
    wrong = [line for line in wrong if line]
    for line in wrong:
        print(f"FAILED {line}")
    print(f"{len(chosen) + 2 - len(wrong)} passed, {len(wrong)} failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
