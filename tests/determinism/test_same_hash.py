"""The same seed gives the same hash: in two processes, by gcc and clang, at -O0 and -O3, under ASan
and UBSan, with the queue's oracle in its place, with and without address-space randomisation, with and without a trace file. Another seed
gives another. (Twice in one process: tests/determinism/test_twice.c.)"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ.get("WEFT_SOURCE", os.getcwd()), "tests/harness"))
from daemons import BIN, SOURCE, run_tests  # noqa: E402

BUILD = os.environ.get("WEFT_BUILD", os.path.join(SOURCE, "build"))
SCENARIOS = ["first-partition", "heavy-churn", "lossy-radio", "bad-lines",
             "read-only-behind-nat", "liveness/core-converges"]
SMALLER = ["--set", "population=200"]
# Many schedulers in a node, and nodes that talk: with the modules of this build beside them.
WITH_MODULES = ["otp/dist-partition", "otp/dist-upgrade"]
MODULES = tempfile.TemporaryDirectory()

VARIANTS = {
    "gcc-O0": ["-DCMAKE_C_COMPILER=gcc", "-DCMAKE_C_FLAGS_NONE=-O0"],
    "gcc-O3": ["-DCMAKE_C_COMPILER=gcc", "-DCMAKE_C_FLAGS_NONE=-O3"],
    "clang-O0": ["-DCMAKE_C_COMPILER=clang", "-DCMAKE_C_FLAGS_NONE=-O0"],
    "clang-O3": ["-DCMAKE_C_COMPILER=clang", "-DCMAKE_C_FLAGS_NONE=-O3"],
    "gcc-asan": ["-DCMAKE_C_COMPILER=gcc", "-DCMAKE_C_FLAGS_NONE=-O1",
                 "-DWEFT_SANITIZE=address,undefined"],
    "heap": ["-DCMAKE_C_COMPILER=gcc", "-DCMAKE_C_FLAGS_NONE=-O2", "-DWEFT_QUEUE=heap"],
}

reference = {}


def run(weft, scenario, seed=1, before=(), options=()):
    """The hash, and the numbers of the page that must agree with it."""
    folder, smaller = os.path.join(SOURCE, "scenarios"), SMALLER
    if scenario in WITH_MODULES:
        folder, smaller = MODULES.name, []
    command = [*before, weft, "run", os.path.join(folder, scenario + ".yaml"),
               "--seed", str(seed), "--json", *smaller, *options]
    result = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)
    if result.returncode not in (0, 1):
        raise AssertionError(f"{' '.join(command)}: exit {result.returncode}: {result.stderr[-500:]}")
    page = json.loads(result.stdout)
    return page["hash"], page["events"], page["checks"], page["workload"], page["faults"]


def agrees(weft, **kwargs):
    for scenario in SCENARIOS:
        got = run(weft, scenario, **kwargs)
        assert got == reference[scenario], (scenario, got[:2], reference[scenario][:2])


def built(variant):
    folder = os.path.join(BUILD, "determinism", variant)
    launcher = ["-DCMAKE_C_COMPILER_LAUNCHER=ccache"] if os.path.exists("/usr/bin/ccache") else []
    subprocess.run(["cmake", "-S", SOURCE, "-B", folder, "-G", "Ninja", "-DWEFT_TESTS=OFF",
                    "-DCMAKE_BUILD_TYPE=NONE", *launcher, *VARIANTS[variant]], check=True,
                   stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", folder, "--target", "weft", "--", "--quiet"], check=True)
    return os.path.join(folder, "bin/weft")


def two_processes():
    for scenario in SCENARIOS:
        reference[scenario] = run(os.path.join(BIN, "weft"), scenario)
    agrees(os.path.join(BIN, "weft"))


def another_seed_is_another_run():
    for scenario in SCENARIOS:
        assert run(os.path.join(BIN, "weft"), scenario, seed=2)[0] != reference[scenario][0]


def without_address_space_randomisation():
    agrees(os.path.join(BIN, "weft"), before=["setarch", "-R"])


def with_a_trace_file():
    with tempfile.TemporaryDirectory() as folder:
        agrees(os.path.join(BIN, "weft"),
               options=["--trace", os.path.join(folder, "run.trace")])


def with_poisoned_memory():
    for byte in ("85", "170"):
        agrees(os.path.join(BIN, "weft"), before=["env", f"MALLOC_PERTURB_={byte}"])


def variant_test(variant):
    def test():
        agrees(built(variant))
    test.__name__ = "built_by_" + variant.replace("-", "_")
    return test


SCENARIOS += WITH_MODULES
for name in WITH_MODULES:
    os.makedirs(os.path.join(MODULES.name, os.path.dirname(name)), exist_ok=True)
    shutil.copy(os.path.join(SOURCE, "scenarios", name + ".yaml"), os.path.join(MODULES.name, name + ".yaml"))
for version in (1, 2):
    shutil.copy(os.path.join(BUILD, f"modules/mesh_v{version}.so"), os.path.join(MODULES.name, "otp"))

sys.exit(run_tests([two_processes, another_seed_is_another_run,
                    without_address_space_randomisation, with_a_trace_file, with_poisoned_memory,
                    *[variant_test(variant) for variant in VARIANTS]]))
