#!/usr/bin/env python3
"""docs/tutorial.md, run as a reader would, against an installed tree; and the mistakes it names."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE = os.environ.get("WEFT_SOURCE", os.getcwd())
BUILD = os.path.abspath(os.environ.get("WEFT_BUILD", os.path.join(SOURCE, "build")))
TUTORIAL = os.path.join(SOURCE, "docs/tutorial.md")
EXAMPLES = os.path.join(SOURCE, "docs/examples")
PORTS = ["6881", "6882", "6883", "7001", "7002", "7003"]
WAIT = 40  # seconds until nodes have met, or have forgotten one


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def free_ports(count):
    """UDP ports, all different."""
    probes = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [str(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def blocks(text):
    """(language, lines, the text before it) of each fenced block."""
    found = []
    before = []
    inside = None
    for line in text.splitlines():
        if line.startswith("```") and inside is None:
            inside = (line[3:].strip(), [])
        elif line.startswith("```"):
            found.append((*inside, "\n".join(before[-3:])))
            before, inside = [], None
        elif inside is not None:
            inside[1].append(line)
        else:
            before.append(line)
    assert inside is None, "a fence is open"
    return found


def steps(lines):
    """Commands with the lines they are said to print."""
    found = []
    for line in lines:
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def fits(command, said, wanted):
    """`...` is anything; the simulator's and a counter's figures may be others."""
    pattern = r"\s+".join(re.escape(word) for word in "\n".join(wanted).split()).replace(r"\.\.\.", ".*")
    if command.startswith("weft ") or "counted to" in pattern:
        pattern = re.sub(r"\d+(\\\.\d+)?", r"[0-9.]+", pattern)
    return re.fullmatch(pattern, said.strip(), re.DOTALL) is not None


class Shell:
    """One bash, as a reader has one: folder, variables and jobs last from command to command."""

    def __init__(self, folder, prefix):
        library = subprocess.run(["find", prefix, "-name", "weft-module.pc"], capture_output=True, text=True,
                                 check=True).stdout.strip()
        env = dict(os.environ, PATH=f"{prefix}/bin:{os.environ['PATH']}", PKG_CONFIG_PATH=os.path.dirname(library))
        self.bash = subprocess.Popen(["bash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT, text=True, cwd=folder, env=env,
                                     start_new_session=True)

    def run(self, command):
        self.bash.stdin.write(f"{command}\necho \"--done $?\"\n")
        self.bash.stdin.flush()
        said = []
        for line in self.bash.stdout:
            if line.startswith("--done "):
                return "".join(said), int(line.split()[1])
            said.append(line)
        raise AssertionError(f"bash has ended at {command}: {said}")

    def close(self):
        """The session is this shell's own: daemons that a failed test has left go with it."""
        self.bash.stdin.close()
        try:
            os.killpg(self.bash.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
        self.bash.wait(20)
        self.bash.stdout.close()


class Tutorial(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.prefix = os.path.join(cls.temporary.name, "weft")
        subprocess.run(["cmake", "--install", BUILD, "--prefix", cls.prefix], check=True, stdout=subprocess.DEVNULL)
        with open(TUTORIAL, encoding="utf-8") as file:
            text = file.read()
        for port, free in zip(PORTS, free_ports(len(PORTS))):
            text = text.replace(port, free)
        cls.port = free_ports(1)[0]
        cls.text = text.replace("--dht-bind 127.0.0.1", f"--dht-bind 127.0.0.1 --dht-port {cls.port}")

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def setUp(self):
        self.folder = tempfile.mkdtemp(dir=self.temporary.name)
        self.shell = Shell(self.folder, self.prefix)

    def tearDown(self):
        self.shell.close()

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            file.write(text)

    def step(self, command, wanted):
        until = time.monotonic() + WAIT
        while True:
            said, status = self.shell.run(command)
            # What changes by itself is asked for until it has, as a reader would.
            if (status == 0 and fits(command, said, wanted)) or time.monotonic() > until:
                break
            if not re.match(r"weftctl .*(status|apps)\b", command):
                break
            time.sleep(0.2)
        logs = "".join(self.shell.run("tail -n 5 *.log 2>/dev/null")[0])
        self.assertEqual(status, 0, f"{command}\n{said}{logs}")
        self.assertTrue(fits(command, said, wanted), f"{command}\nsaid     {said!r}\nexpected {wanted}\n{logs}")
        return said

    def test_every_command_prints_what_the_page_says(self):
        said = {}
        for language, lines, before in blocks(self.text):
            text = "\n".join(lines) + "\n"
            name = re.findall(r"as `([a-z.]+)`:", before)
            if name:
                self.write(name[-1], text)
            elif language == "console":
                for command, wanted in steps(lines):
                    said[command] = self.step(command, wanted)
        self.assertGreater(len(said), 25)
        counts = [int(n) for n in re.findall(r"presence: (\d+) others",
                                             said["weft trace run.trace --kind log --node 3"])]
        low = counts.index(min(counts[counts.index(199):]))
        self.assertLess(counts[low], 100, "the partition is seen")
        self.assertEqual(counts[-1], 199, "all are back")

    def test_the_page_shows_the_examples_as_they_are(self):
        shown = ["\n".join(lines) + "\n" for _, lines, _ in blocks(self.text)]
        for name in ("counter/counter.c", "presence/presence.yaml"):
            with open(os.path.join(EXAMPLES, name), encoding="utf-8") as file:
                self.assertIn(file.read(), shown, name)

    def test_the_source_tree_is_enough(self):
        shutil.copy(os.path.join(EXAMPLES, "presence/presence.c"), self.folder)
        flags = f"PKG_CONFIG_PATH={BUILD}/pkgconfig pkg-config --cflags --libs weft-module"
        for compiler in ("gcc", "clang"):
            for version in (1, 2):
                said, status = self.shell.run(f"{compiler} -Wall -Wextra -Wpedantic -Werror -DVERSION={version} "
                                              f"presence.c $({flags}) -o presence.so && weft check-app presence.so")
                self.assertEqual(status, 0, said)
                self.assertIn("fit for both worlds", said)

    # --- what goes wrong ---

    def build(self, name, text, flags=""):
        self.write("x.c", text)
        said, status = self.shell.run(f"cc -w x.c {flags} $(pkg-config --cflags --libs weft-module) -o {name}")
        self.assertEqual(status, 0, said)

    def presence(self, name, version=1):
        with open(os.path.join(EXAMPLES, "presence/presence.c"), encoding="utf-8") as file:
            self.build(name, file.read(), f"-DVERSION={version}")

    def refused(self, options, *words):
        said, status = self.shell.run(f"timeout 20 weftd --dht-bind 127.0.0.1 --dht-port {self.port} --no-control "
                                      f"{options}")
        self.assertIn(status, (1, 2), said)
        for word in words:
            self.assertIn(word, said)

    def test_a_wrong_path_is_told_with_it(self):
        self.refused("--app ./none.so", "./none.so: No such file or directory")
        self.write("text.so", "no object")
        self.refused("--app ./text.so", "./text.so: is no shared object", "-shared -fPIC")
        self.refused("--app .", ".: is no shared object")

    def test_a_module_without_weft_module_is_told(self):
        self.build("bare.so", "int f(void) { return 1; }")
        self.refused("--app ./bare.so", "./bare.so: exports no weft_module; see WEFT_MODULE")

    def test_another_abi_is_told_with_both_numbers(self):
        self.presence("good.so")
        self.build("old.so", "const unsigned weft_module[8] = {0x01000007u};")
        self.refused("--app ./old.so", "./old.so: built for abi 1.000007, this program has 1.")

    def test_another_machine_is_told(self):
        self.presence("far.so")
        with open(os.path.join(self.folder, "far.so"), "r+b") as file:
            file.seek(18)  # e_machine
            file.write(bytes([62 if os.uname().machine == "aarch64" else 183]))
        self.refused("--app ./far.so", "./far.so: is built for another kind of machine than this")
        said, status = self.shell.run("weft check-app far.so")
        self.assertEqual(status, 2, said)
        self.assertIn("is built for", said)

    def test_a_function_that_is_not_there_is_told(self):
        self.build("more.so", "void weft_frobnicate(void); const unsigned weft_module[8] = {1};"
                              "void f(void) { weft_frobnicate(); }")
        self.refused("--app ./more.so", "undefined symbol: weft_frobnicate")

    def test_a_wrong_value_of_the_environment_is_told_by_the_application(self):
        self.presence("p.so")
        for env, words in (("{port: seven}", "env: no port from 1 to 65535: seven"),
                           ("{group: ''}", "env: port and group are needed")):
            self.write("e.yaml", f"apps:\n  - module: ./p.so\n    env: {env}\n")
            self.refused("--config e.yaml", "child server (presence) did not start", words)
        self.write("e.yaml", "apps:\n  - module: ./p.so\n    enf: {}\n")
        self.refused("--config e.yaml", "e.yaml:3:5: unknown key 'enf', did you mean 'env'?")

    def test_a_version_twice_is_told(self):
        self.presence("p.so")
        self.refused("--app ./p.so --app ./p.so", "version 1 of module 'presence' is loaded already")


if __name__ == "__main__":
    if shutil.which("pkg-config") is None or not os.path.exists(os.path.join(BUILD, "libweft.a")):
        skip("no pkg-config, or libweft.a is not built")
    with open(os.path.join(BUILD, "CMakeCache.txt"), encoding="utf-8") as cache:
        if re.search(r"^WEFT_SANITIZE:STRING=.+|^WEFT_HOSTILE:BOOL=ON", cache.read(), re.MULTILINE):
            skip("a build for tests")
    unittest.main()
