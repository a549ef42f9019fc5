"""The rules of the house, as functions: each takes a tree and yields complaints.

A complaint is one line, "path:line: what is wrong". test_tidy.py runs them on this tree, and on
planted trees to show that each can fail.
"""
import os
import re
import subprocess

# A room includes only itself and the rooms named here.
LAYERS = {
    "core/base": [],
    "core/env": ["core/base"],
    "core/wire": ["core/base"],
    "core/config": ["core/base"],
    "core/otp": ["core/base", "core/env", "core/wire"],
    "core/dht": ["core/base", "core/env", "core/wire", "core/otp"],
    "core/node": ["core/base", "core/env", "core/wire", "core/otp", "core/dht"],
    "core/posix": ["core/base", "core/env"],
    "core/weftd": ["core", "analysis"],
    "sim/engine": ["core/base"],
    "sim/net": ["core/base", "sim/engine"],
    "sim/simgrid": ["core/base", "sim/net"],
    "sim/disk": ["core/base", "core/env"],
    "sim/world": ["core/base", "core/env", "core/wire", "core/otp", "core/dht", "core/node",
                  "sim/engine", "sim/net", "sim/disk"],
    "sim/fault": ["core/base", "core/env", "core/otp", "core/node", "sim/engine", "sim/net",
                  "sim/disk", "sim/world"],
    "sim/workload": ["core/base", "core/env", "core/wire", "core/node", "sim/engine", "sim/world"],
    "sim/check": ["core/base", "core/env"],
    "sim/scenario": ["core/base", "core/env", "core/config", "core/dht", "core/node", "sim/engine",
                     "sim/net", "sim/disk", "sim/world", "sim/fault", "sim/workload", "sim/check"],
    "sim/cli": ["core", "sim", "analysis"],
    "analysis": ["core/base", "core/env"],
}

# Rooms whose objects may import only what is listed here: no clock, entropy, file, thread, socket.
PURE = ["core/base", "core/env", "core/wire", "core/config", "core/otp", "core/dht", "core/node",
        "sim/engine", "sim/net", "sim/disk", "sim/world", "sim/fault", "sim/workload", "sim/check"]
PURE_IMPORTS = re.compile(
    r"^(weft_|sim_|ana_|mem(cpy|move|set|cmp|chr)$|bcmp$|str(len|cmp|ncmp|cpy|ncpy|chr|rchr|str|spn|cspn|nlen)$"
    r"|malloc$|aligned_alloc$|calloc$|realloc$|free$|v?snprintf$|qsort$|bsearch$|SHA(1|256)(Init|Update|Final)$"
    r"|strto(l|ul|ll|ull)$|__isoc23_strto|_GLOBAL_OFFSET_TABLE_$|__stack_chk_fail$|yaml_"
    r"|__(asan|ubsan|tsan|sanitizer|lsan|sancov)_|__mul|__udiv|__umod|__popcount)")

# Rooms that may include headers of the operating system.
OS_ROOMS = ["core/posix", "core/weftd", "sim/cli", "sim/scenario", "sim/simgrid", "analysis"]
OS_HEADER = re.compile(
    r"<(sys/|unistd|pthread|time\.h|dlfcn|netinet|arpa|netdb|fcntl|poll|signal|stdio|errno|dirent"
    r"|ucontext|execinfo|sched\.h|semaphore|threads)")
# snprintf and its kin are the one thing of stdio.h that is pure; the imports are checked apart.
STDIO = "<stdio.h>"

# Rooms where decisions are made: integers only.
INTEGER = ["core", "sim/engine", "sim/net", "sim/disk", "sim/world", "sim/fault", "sim/workload",
           "sim/check"]

FUNCTION_MAX = 70
FUNCTION_P95_MAX = 45
FUNCTION_MEDIAN_MAX = 15
FILE_MAX = 1000
LINE_MAX = 100


def files(root, folders, suffixes=(".c", ".h")):
    for folder in folders:
        for base, _, names in sorted(os.walk(os.path.join(root, folder))):
            for name in sorted(names):
                if name.endswith(suffixes):
                    yield os.path.relpath(os.path.join(base, name), root)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
        return file.read()


def room_of(path):
    parts = path.split("/")
    return parts[0] if parts[0] == "analysis" else "/".join(parts[:2])


def inside(path, rooms):
    return any(path == room or path.startswith(room + "/") for room in rooms)


def without_comments(text):
    """The text with comments and literals blanked, line numbers kept."""
    pattern = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
    return pattern.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def layers(root):
    for path in files(root, ["core", "sim", "analysis"]):
        room = room_of(path)
        if room not in LAYERS:
            yield f"{path}:1: {room} is not a room; LAYERS in tests/tidy/tidy.py names them"
            continue
        for number, line in enumerate(read(root, path).split("\n"), 1):
            found = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not found:
                continue
            target = found.group(1)
            if "/" not in target:
                yield f"{path}:{number}: include \"{target}\" by its path from the top"
            elif not inside(target, [room] + LAYERS[room]):
                yield f"{path}:{number}: {room} must not include {target}"


def os_headers(root):
    for path in files(root, ["core", "sim", "analysis"]):
        if room_of(path) in OS_ROOMS:
            continue
        for number, line in enumerate(read(root, path).split("\n"), 1):
            if re.match(r"\s*#\s*include", line) and OS_HEADER.search(line) and STDIO not in line:
                yield f"{path}:{number}: {line.strip()} outside {', '.join(OS_ROOMS)}"


def floating_point(root):
    for path in files(root, INTEGER):
        text = without_comments(read(root, path))
        for number, line in enumerate(text.split("\n"), 1):
            if re.search(r"\b(double|float)\b|<math\.h>", line):
                yield f"{path}:{number}: floating point where decisions are made"


def marks(root):
    for path in files(root, ["core", "sim", "analysis", "tests"], (".c", ".h", ".py", ".sh")):
        if path.startswith("tests/tidy/"):
            continue
        for number, line in enumerate(read(root, path).split("\n"), 1):
            if re.search(r"\b(TODO|FIXME|XXX|HACK)\b|#\s*if(n?def)?\b.*\bSIM\b", line):
                yield f"{path}:{number}: a mark that should not stay: {line.strip()[:60]}"


def functions(text):
    """(name, first line, lines of the body) of each function, by the formatter's shape."""
    lines = without_comments(text).split("\n")
    start = None
    for number, line in enumerate(lines, 1):
        if line.startswith("}") and start is not None:
            yield start[1], start[0], number - start[0]
            start = None
        elif line.rstrip().endswith("{") and ")" in line and not line.startswith(("}", "#")):
            at, head = number - 1, line
            while head[:1] in (" ", "\t") and at > 0:
                at -= 1
                head = lines[at]
            found = re.match(r"[A-Za-z_][\w\s\*]*?\b(\w+)\(", head)
            if start is None and found and "=" not in head.split("(")[0]:
                start = (number, found.group(1))


def sizes(root):
    lengths = []
    for path in files(root, ["core", "sim", "analysis"]):
        text = read(root, path)
        if text.count("\n") > FILE_MAX:
            yield f"{path}:{FILE_MAX}: {text.count(chr(10))} lines, at most {FILE_MAX}"
        for number, line in enumerate(text.split("\n"), 1):
            if len(line) > LINE_MAX:
                yield f"{path}:{number}: {len(line)} columns, at most {LINE_MAX}"
        if not path.endswith(".c"):
            continue
        for name, number, length in functions(text):
            lengths.append(length)
            if length > FUNCTION_MAX:
                yield f"{path}:{number}: {name} has {length} lines, at most {FUNCTION_MAX}"
    lengths.sort()
    if lengths and lengths[len(lengths) // 2] > FUNCTION_MEDIAN_MAX:
        yield f"core:0: functions have a median of {lengths[len(lengths) // 2]} lines"
    if lengths and lengths[len(lengths) * 95 // 100] > FUNCTION_P95_MAX:
        yield f"core:0: functions have a 95th percentile of {lengths[len(lengths) * 95 // 100]}"


def _objects(root, build):
    """Object files of this build, not of those nested in it, with the source of each."""
    for base, folders, names in os.walk(build):
        folders[:] = [name for name in folders
                      if not os.path.exists(os.path.join(base, name, "CMakeCache.txt"))]
        for name in names:
            if not name.endswith(".c.o"):
                continue
            path = os.path.join(base, name)
            found = re.search(r"\.dir/(.+)\.o$", path)
            if found and os.path.exists(os.path.join(root, found.group(1))):
                yield path, found.group(1)


def imports(root, build):
    """What pure rooms import, as the linker sees it."""
    for path, source in sorted(_objects(root, build)):
        if not inside(source, PURE):
            continue
        listing = subprocess.run(["nm", "-u", path], capture_output=True, text=True, check=True)
        for line in listing.stdout.split("\n"):
            symbol = line.strip().removeprefix("U ").strip()
            if symbol and not PURE_IMPORTS.match(symbol):
                yield f"{source}:1: imports {symbol}: what is outside comes through the env"


def writable_data(root, build):
    """core but for its OS rooms, and the deterministic rooms of sim, own no writable data."""
    for path, source in sorted(_objects(root, build)):
        if not inside(source, PURE):
            continue
        listing = subprocess.run(["readelf", "-SW", path], capture_output=True, text=True,
                                 check=True)
        for line in listing.stdout.split("\n"):
            found = re.match(r"\s*\[\s*\d+\]\s+(\.(?:data|bss|tdata|tbss)(?:\.\S+)?)\s+\S+\s+\S+"
                             r"\s+\S+\s+([0-9a-f]+)", line)
            if not found or found.group(1).startswith(".data.rel.ro"):
                continue
            if int(found.group(2), 16) > 0:
                yield f"{source}:1: owns writable data ({found.group(1)})"


def formatted(root):
    names = list(files(root, ["core", "sim", "analysis", "tests"]))
    if not names:
        return
    tool = "clang-format-14" if _exists("clang-format-14") else "clang-format"
    result = subprocess.run([tool, "--dry-run", "--ferror-limit=1", *names], cwd=root,
                            capture_output=True, text=True, check=False)
    for line in result.stderr.split("\n"):
        if "warning:" in line or "error:" in line:
            yield line.split(": warning")[0].split(": error")[0] + ": not formatted; ./dev fmt"


def _exists(tool):
    return any(os.access(os.path.join(folder, tool), os.X_OK)
               for folder in os.environ.get("PATH", "").split(":"))


def header_guards(root):
    for path in files(root, ["core", "sim", "analysis"], (".h",)):
        text = read(root, path)
        want = re.sub(r"[^A-Z0-9]", "_", path.upper().removeprefix("CORE/"))
        want = ("WEFT_" if path.startswith("core/") else "") + want
        if f"#ifndef {want}\n" not in text:
            yield f"{path}:1: the include guard should be {want}"
        if not text.startswith("/*"):
            yield f"{path}:1: a header begins by saying what the thing is"


def orphan_scenarios(root):
    """A scenario that no test runs would rot. The tests run whole folders."""
    runs = "".join(read(root, path) for path in files(root, ["tests"], (".py",)))
    for path in files(root, ["scenarios"], (".yaml",)):
        folder = os.path.dirname(path)
        if f'{folder}"' not in runs:
            yield f"{path}:1: no test runs the scenarios of {folder}"


RULES = [layers, os_headers, floating_point, marks, sizes, formatted, header_guards,
         orphan_scenarios]
BUILD_RULES = [imports, writable_data]
