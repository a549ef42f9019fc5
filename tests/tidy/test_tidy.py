"""Runs the rules of the house on this tree, and on planted trees to show that each can fail."""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tidy  # noqa: E402  (beside this file)

ROOT = os.environ.get("WEFT_SOURCE", os.getcwd())
BUILD = os.environ.get("WEFT_BUILD", os.path.join(ROOT, "build"))

LONG_FUNCTION = "int f(void) {\n" + "    g();\n" * 80 + "}\n"
LONG_FILE = "int a;\n" * 1001

# rule, path, content that must be complained about
PLANTED = [
    (tidy.layers, "core/base/a.c", '#include "core/otp/process.h"\n'),
    (tidy.layers, "core/posix/a.c", '#include "sim/world/world.h"\n'),
    (tidy.layers, "sim/world/a.c", '#include "core/posix/posix.h"\n'),
    (tidy.layers, "core/newroom/a.c", "int a;\n"),
    (tidy.layers, "core/otp/a.c", '#include "process.h"\n'),
    (tidy.os_headers, "core/dht/a.c", "#include <sys/socket.h>\n"),
    (tidy.os_headers, "sim/engine/a.c", "#include <time.h>\n"),
    (tidy.floating_point, "core/dht/a.c", "double f;\n"),
    (tidy.floating_point, "sim/net/a.c", "static float x;\n"),
    (tidy.marks, "core/dht/a.c", "/* TODO later */\n"),
    (tidy.marks, "core/dht/a.c", "#ifdef SIM\n#endif\n"),
    (tidy.sizes, "core/dht/a.c", LONG_FUNCTION),
    (tidy.sizes, "core/dht/a.c", LONG_FILE),
    (tidy.sizes, "core/dht/a.c", "int " + "a" * 100 + ";\n"),
    (tidy.formatted, "core/dht/a.c", "int   f( void ){return 1 ;}\n"),
    (tidy.header_guards, "core/dht/a.h", "/* A. */\n#ifndef A_H\n#define A_H\n#endif\n"),
    (tidy.orphan_scenarios, "scenarios/lonely/a.yaml", "name: a\n"),
]

PLANTED_OBJECTS = [
    (tidy.imports, "core/dht/a.c", "int time(long *); int f(void) { return time(0); }\n"),
    (tidy.imports, "core/otp/a.c", "int rand(void); int f(void) { return rand(); }\n"),
    (tidy.writable_data, "core/dht/a.c", "int counter = 1; int *f(void) { return &counter; }\n"),
    (tidy.writable_data, "core/dht/a.c", "int *f(void) { static int n; return &n; }\n"),
    (tidy.writable_data, "core/dht/a.c", "_Thread_local int n; int *f(void) { return &n; }\n"),
]

CLEAN = "/* A. */\nint f(void);\nint f(void) { return 1; }\n"

passed = failed = 0


def claim(name, complaints):
    """The claim holds when there is no complaint."""
    global passed, failed
    complaints = list(complaints)
    if complaints:
        failed += 1
        print(f"FAILED {name}")
        for line in complaints[:20]:
            print(f"    {line}")
        if len(complaints) > 20:
            print(f"    and {len(complaints) - 20} more")
    else:
        passed += 1
        print(f"ok     {name}")


def plant(folder, path, content):
    full = os.path.join(folder, path)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, "w", encoding="utf-8") as file:
        file.write(content)
    return full


def compile_planted(folder, path):
    out = os.path.join(folder, "build/x.dir", path + ".o")
    os.makedirs(os.path.dirname(out), exist_ok=True)
    subprocess.run(["gcc", "-w", "-c", os.path.join(folder, path), "-o", out], check=True)
    return os.path.join(folder, "build")


def sees(rule, path, content):
    with tempfile.TemporaryDirectory() as folder:
        plant(folder, path, content)
        if os.path.exists(os.path.join(ROOT, ".clang-format")):
            plant(folder, ".clang-format", tidy.read(ROOT, ".clang-format"))
        return [] if list(rule(folder)) else [f"{rule.__name__} does not see: {content[:50]!r}"]


def sees_object(rule, path, content):
    with tempfile.TemporaryDirectory() as folder:
        plant(folder, path, content)
        build = compile_planted(folder, path)
        found = list(rule(folder, build))
        return [] if found else [f"{rule.__name__} does not see: {content[:50]!r}"]


def stays_quiet():
    with tempfile.TemporaryDirectory() as folder:
        plant(folder, "core/dht/a.c", CLEAN)
        build = compile_planted(folder, "core/dht/a.c")
        for rule in (tidy.layers, tidy.os_headers, tidy.floating_point, tidy.marks, tidy.sizes):
            yield from rule(folder)
        for rule in tidy.BUILD_RULES:
            yield from rule(folder, build)


def scenarios_of_any_e2e_test_are_run():
    """Also of a test that names the folder behind another."""
    with tempfile.TemporaryDirectory() as folder:
        plant(folder, "scenarios/told/a.yaml", "name: a\n")
        plant(folder, "tests/e2e/test_told.py", 'FOLDER = os.path.join(SOURCE, "scenarios/told")\n')
        yield from tidy.orphan_scenarios(folder)
        plant(folder, "scenarios/lonely/a.yaml", "name: a\n")
        if not list(tidy.orphan_scenarios(folder)):
            yield "scenarios/lonely is not seen beside scenarios that are run"


def main():
    for rule, path, content in PLANTED:
        claim(f"{rule.__name__} sees a planted fault in {path}", sees(rule, path, content))
    claim("scenarios that any e2e test names are no orphans", scenarios_of_any_e2e_test_are_run())
    for rule, path, content in PLANTED_OBJECTS:
        claim(f"{rule.__name__} sees a planted fault in {path}", sees_object(rule, path, content))
    claim("a clean file is not complained about", stays_quiet())
    for rule in tidy.RULES:
        claim(f"{rule.__name__} holds for this tree", rule(ROOT))
    for rule in tidy.BUILD_RULES:
        claim(f"{rule.__name__} holds for this build", rule(ROOT, BUILD))
        claim(f"{rule.__name__} had objects to look at",
              [] if any(tidy.inside(s, tidy.PURE) for _, s in tidy._objects(ROOT, BUILD))
              else ["no object of a pure room below " + BUILD])
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
