#!/usr/bin/env python3
"""Every shipped scenario, in every way that must not matter: other compilers and levels, the queue's
oracle, hash tables with another order, other poison in memory, other addresses, after another seed in
one process. The whole of it is ./dev determinism [scenario ...]
[--ways way,...]; test_matrix.py takes of each scenario its beginning, in one way."""
import argparse
import functools
import glob
import json
import os
import subprocess
import sys

SOURCE = os.path.abspath(os.environ.get("WEFT_SOURCE", os.getcwd()))
BUILD = os.path.abspath(os.environ.get("WEFT_BUILD", os.path.join(SOURCE, "build")))
WEFT = os.path.join(os.path.abspath(os.environ.get("WEFT_BIN", os.path.join(BUILD, "bin"))), "weft")

# Ways to build, and ways to run what is built.
BUILDS = {
    "gcc-O0": ["-DCMAKE_C_COMPILER=gcc", "-DCMAKE_C_FLAGS_NONE=-O0"],
    "gcc-O3": ["-DCMAKE_C_COMPILER=gcc", "-DCMAKE_C_FLAGS_NONE=-O3"],
    "clang-O0": ["-DCMAKE_C_COMPILER=clang", "-DCMAKE_C_FLAGS_NONE=-O0"],
    "clang-O3": ["-DCMAKE_C_COMPILER=clang", "-DCMAKE_C_FLAGS_NONE=-O3"],
    "tables-1": ["-DCMAKE_C_COMPILER=gcc", "-DCMAKE_C_FLAGS_NONE=-O2", "-DWEFT_HASH_PERTURB=1"],
    "tables-7": ["-DCMAKE_C_COMPILER=gcc", "-DCMAKE_C_FLAGS_NONE=-O2", "-DWEFT_HASH_PERTURB=7"],
    "heap": ["-DCMAKE_C_COMPILER=gcc", "-DCMAKE_C_FLAGS_NONE=-O2", "-DWEFT_QUEUE=heap"],
}
RUNS = {
    "poison-55": ["env", "MALLOC_PERTURB_=85"],
    "poison-aa": ["env", "MALLOC_PERTURB_=170"],
    "fixed-addresses": ["setarch", "-R"],
    "other-addresses": [],
}
# After another seed in the same process: what that leaves behind would show.
SECOND = "second-in-process"
WAYS = [*RUNS, SECOND, *BUILDS]


def scenarios():
    found = sorted(glob.glob(os.path.join(SOURCE, "scenarios/**/*.yaml"), recursive=True))
    assert found, "no scenario"
    return found


@functools.lru_cache(maxsize=None)
def built(way):
    """The weft of a way to build."""
    folder = os.path.join(BUILD, "determinism", way)
    launcher = ["-DCMAKE_C_COMPILER_LAUNCHER=ccache"] if os.path.exists("/usr/bin/ccache") else []
    subprocess.run(["cmake", "-S", SOURCE, "-B", folder, "-G", "Ninja", "-DWEFT_TESTS=OFF",
                    "-DCMAKE_BUILD_TYPE=NONE", *launcher, *BUILDS[way]], check=True,
                   stdout=subprocess.DEVNULL)
    part = ["weft_simgrid"] if os.path.exists(os.path.join(BUILD, "bin/weft-simgrid.so")) else []
    subprocess.run(["cmake", "--build", folder, "--target", "weft", *part, "--", "--quiet"],
                   check=True)
    return os.path.join(folder, "bin/weft")


def page_of(scenario, way, options, seconds):
    """A page, or what went wrong."""
    weft = built(way) if way in BUILDS else WEFT
    command = [*RUNS.get(way, []), weft, "run", scenario, "--json", "--modules",
               os.path.join(BUILD, "modules"), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    if done.returncode not in (0, 1):
        return f"exit {done.returncode}: {done.stderr[-500:]}"
    return json.loads(done.stdout)


def run(scenario, way=None, options=(), seconds=1200):
    """What of the page must not differ."""
    page = page_of(scenario, way, options, seconds)
    if not isinstance(page, dict):
        return page
    return {key: page[key] for key in ("hash", "events", "checks", "workload", "faults", "seed")}


def run_second(scenario, options, seed, seconds=2400):
    """The hash of the seed when the one before it has been run in the same process."""
    two = ["--seeds", "2", "--seed", str(seed - 1), "--keep-going"]
    page = page_of(scenario, None, [*options, *two], seconds)
    return page["last_hash"] if isinstance(page, dict) and page["seeds"] == 2 else page


def differs(scenario, way, options=(), reference=None):
    """None, or where they part."""
    expected = reference if reference is not None else run(scenario, options=options)
    if way == SECOND and isinstance(expected, dict):
        hash_of = run_second(scenario, options, expected["seed"])
        return None if hash_of == expected["hash"] else f"{way}: {hash_of}, not {expected['hash']}"
    got = run(scenario, way, options)
    if got == expected and isinstance(got, dict):
        return None
    if not isinstance(got, dict):
        return f"{way}: {got}"
    other = ["--with", built(way)] if way in BUILDS else []
    return f"{way}: {got['hash']}, not {expected['hash']}\n" + subprocess.run(
        [WEFT, "diff", scenario, "--modules", os.path.join(BUILD, "modules"), *options, "--",
         *other], capture_output=True, text=True, check=False).stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenarios", nargs="*", help="such as faults/crash; all, when not given")
    parser.add_argument("--ways", default=",".join(WAYS))
    asked = parser.parse_args()
    wrong = done = 0
    for path in scenarios():
        name = os.path.relpath(path, os.path.join(SOURCE, "scenarios"))[:-len(".yaml")]
        if asked.scenarios and name not in asked.scenarios:
            continue
        reference = run(path)
        found = [what for way in asked.ways.split(",") if (what := differs(path, way, (), reference))]
        print(f"{name}: " + ("alike" if not found else "NOT ALIKE\n" + "\n".join(found)), flush=True)
        wrong += bool(found)
        done += 1
    print(f"{done - wrong} of {done} scenarios alike in {len(asked.ways.split(','))} ways")
    return 1 if wrong or not done else 0


if __name__ == "__main__":
    sys.exit(main())
