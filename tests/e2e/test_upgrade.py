#!/usr/bin/env python3
"""Upgrades of a live weftd: connections stay, no message is lost, what goes wrong goes back."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

BIN = os.path.abspath(os.environ.get("WEFT_BIN", "build/bin"))
MODULES = os.path.join(os.path.abspath(os.environ.get("WEFT_BUILD", "build")), "modules")
CONNECTIONS = 200


def module(version):
    return os.path.join(MODULES, f"kv_v{version}.so")


class Client:
    """A connection that counts up and checks each answer: its number, the sum so far, in order."""

    def __init__(self):
        self.number = self.sum = 0
        self.versions = set()
        self.worst = 0.0

    async def open(self, port):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)

    async def say(self, number=None):
        self.number += 1
        number = self.number if number is None else number
        self.sum += number
        since = time.monotonic()
        self.writer.write(b"%d\n" % number)
        line = await asyncio.wait_for(self.reader.readline(), 10)
        self.worst = max(self.worst, time.monotonic() - since)
        if not line:
            raise ConnectionError("closed")
        answered, total, version = map(int, line.split())
        assert (answered, total) == (number, self.sum), (line, number, self.sum)
        self.versions.add(version)
        return version


class Upgrade(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.log = open(os.path.join(self.folder.name, "log"), "w+b")
        self.start(module(1))

    def start(self, path, *args):
        self.control = os.path.join(self.folder.name, "control")
        self.daemon = subprocess.Popen(
            [os.path.join(BIN, "weftd"), "--dht-bind", "127.0.0.1", "--dht-port", str(self.free_port()),
             "--control", self.control, "--app", path, *args], stderr=self.log)
        until = time.monotonic() + 20
        while time.monotonic() < until:
            found = re.findall(r"kv listens on port (\d+)", self.text())
            if found and os.path.exists(self.control):
                self.port = int(found[-1])
                return
            time.sleep(0.02)
        self.fail(self.text())

    def tearDown(self):
        self.daemon.terminate()
        self.assertEqual(self.daemon.wait(20), 0, self.text())
        self.log.close()
        self.folder.cleanup()

    def free_port(self):
        import socket
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]

    def text(self):
        with open(os.path.join(self.folder.name, "log")) as log:
            return log.read()

    def ctl(self, *words):
        return subprocess.run([os.path.join(BIN, "weftctl"), "--control", self.control, *words],
                              capture_output=True, text=True, timeout=30)

    def ask(self, *words):
        run = self.ctl(*words)
        self.assertEqual(run.returncode, 0, run.stderr + self.text())
        return run.stdout

    def refused(self, *words):
        run = self.ctl(*words)
        self.assertEqual(run.returncode, 1, run.stdout)
        return run.stderr

    def status(self):
        return dict(line.split(" ", 1) for line in self.ask("code", "status", "kv").splitlines())

    def wait_for(self, **wanted):
        until = time.monotonic() + 20
        while time.monotonic() < until:
            status = self.status()
            if all(status.get(key) == value for key, value in wanted.items()):
                return status
            time.sleep(0.02)
        self.fail(f"{wanted}: {status}")

    async def clients(self, count):
        clients = [Client() for _ in range(count)]
        for client in clients:
            await client.open(self.port)
            await client.say(1)
        return clients

    async def during(self, clients, work):
        """`work`, in a thread, while half of the clients talk and the others are idle."""
        over = False

        async def talk(client):
            while not over:
                await client.say()
                await asyncio.sleep(0.005)

        talking = [asyncio.ensure_future(talk(client)) for client in clients[: len(clients) // 2]]
        await asyncio.sleep(0.1)
        await asyncio.get_running_loop().run_in_executor(None, work)
        await asyncio.sleep(0.1)
        over = True
        await asyncio.gather(*talking)
        return {await client.say() for client in clients}

    def test_connections_and_what_they_have_live_through_upgrade_and_rollback(self):
        def up():
            self.ask("code", "upgrade", "kv", module(2), "--watch", "100")
            self.wait_for(upgrade="open", behind="0")

        def down():
            self.ask("code", "rollback", "kv")
            self.wait_for(upgrade="rolled back", behind="0")

        async def run():
            clients = await self.clients(CONNECTIONS)
            self.assertEqual(await self.during(clients, up), {2})
            self.assertEqual(await self.during(clients, down), {1})
            self.ask("code", "purge", "kv")
            self.assertEqual(await self.during(clients, up), {2})
            self.ask("code", "purge", "kv")
            self.assertEqual({await client.say() for client in clients}, {2})
            for client in clients[: CONNECTIONS // 2]:
                self.assertEqual(client.versions, {1, 2})
            listed = self.ask("code", "list")
            self.assertEqual(len(listed.splitlines()), 1, listed)
            self.assertIn(f"kv                   2  current  processes {CONNECTIONS + 1}", listed)

        asyncio.run(run())

    def test_a_migration_that_faults_leaves_the_old_version(self):
        async def run():
            clients = await self.clients(20)
            await clients[7].say(2)  # its sum is 3: version 3 faults on it
            self.ask("code", "upgrade", "kv", module(3))
            status = self.wait_for(upgrade="rolled back", behind="0")
            self.assertIn("did not change", status["why"])
            self.assertEqual({await client.say() for client in clients}, {1})

        asyncio.run(run())

    def test_a_message_that_faults_takes_all_back(self):
        async def run():
            clients = await self.clients(20)
            self.ask("code", "upgrade", "kv", module(4), "--watch", "50")
            self.wait_for(upgrade="open", behind="0")
            with self.assertRaises((ConnectionError, AssertionError)):
                await clients[3].say(13)
            status = self.wait_for(upgrade="rolled back", behind="0")
            self.assertIn("faulted after", status["why"])
            rest = clients[:3] + clients[4:]
            self.assertEqual({await client.say() for client in rest}, {1})
            self.assertEqual({await client.say(13) for client in rest}, {1})

        asyncio.run(run())

    def test_a_canary_is_widened(self):
        async def run():
            clients = await self.clients(100)
            self.ask("code", "upgrade", "kv", module(2), "--canary", "30%")
            self.wait_for(canary="yes", behind="0")
            versions = [await client.say() for client in clients]
            self.assertGreater(versions.count(2), 10)
            self.assertGreater(versions.count(1), 40)
            self.ask("code", "upgrade", "kv", "2")
            self.wait_for(canary="no", behind="0")
            self.assertEqual({await client.say() for client in clients}, {2})
            self.ask("code", "commit", "kv")
            self.assertIn("no upgrade of 'kv' is open", self.refused("code", "rollback", "kv"))

        asyncio.run(run())

    def test_a_release_is_tried_then_made(self):
        plan = os.path.join(self.folder.name, "plan.yaml")
        shutil.copy(module(2), os.path.join(self.folder.name, "kv_v2.so"))
        with open(plan, "w") as file:
            file.write("watch: 10\nsteps:\n  - {module: kv, version: 2, path: kv_v2.so}\n")
        self.assertEqual(self.ask("release", plan, "--dry-run"),
                         "kv 1 to 2: 1 processes, 2 behaviours\n")
        self.assertEqual(len(self.ask("code", "list").splitlines()), 1)
        self.ask("release", plan)
        self.wait_for(upgrade="open", to="2", behind="0")
        with open(plan, "w") as file:
            file.write("steps:\n  - {module: kv, version: 9, path: kv_v2.so}\n")
        self.assertIn(f"{plan}:2:5: {self.folder.name}/kv_v2.so: version 2 of module 'kv' is loaded",
                      self.refused("release", plan))
        with open(plan, "w") as file:
            file.write("stepz: []\nwatch: many\n")
        wrong = self.refused("release", plan)
        self.assertIn(f"{plan}:1:1: unknown key 'stepz', did you mean 'steps'?", wrong)
        self.assertIn(f"{plan}:2:8: expected a number of at least 0", wrong)

    def test_what_is_refused_says_why(self):
        self.assertIn("built for abi 0.000001", self.refused("code", "load", module(5)))
        self.assertIn("nowhere.so", self.refused("code", "load", "/nowhere.so"))
        self.assertIn("version 1 of module 'kv' is loaded already", self.refused("code", "load", module(1)))
        self.assertIn("no module 'other' is loaded", self.refused("code", "upgrade", "other", "2"))
        self.assertIn("--canary: expected a percentage", self.refused("code", "upgrade", "kv", "2", "--canary", "x"))
        self.assertIn("expected code list", self.refused("code", "lst"))
        self.assertEqual(self.ask("code", "which", "kv"), "kv 1 listener\n")

    def test_a_restart_goes_back_unless_the_upgrade_was_committed(self):
        def restart():
            self.daemon.terminate()
            self.assertEqual(self.daemon.wait(20), 0, self.text())
            os.truncate(os.path.join(self.folder.name, "log"), 0)
            self.log.seek(0)
            self.start(module(1), "--data", data)

        data = os.path.join(self.folder.name, "data")
        restart()
        self.ask("code", "upgrade", "kv", module(2))
        self.wait_for(behind="0")
        restart()
        self.assertEqual(self.ask("code", "which", "kv"), "kv 1 listener\n")
        self.ask("code", "upgrade", "kv", module(2))
        self.wait_for(behind="0")
        self.ask("code", "commit", "kv")
        restart()
        self.assertEqual(self.ask("code", "which", "kv"), "kv 2 listener\n")

    def test_what_another_commit_finds_open_is_not_committed(self):
        def restart():
            self.daemon.terminate()
            self.assertEqual(self.daemon.wait(20), 0, self.text())
            os.truncate(os.path.join(self.folder.name, "log"), 0)
            self.log.seek(0)
            self.start(module(1), "--data", data, "--app", beat(1))

        def beat(version):
            return os.path.join(MODULES, f"beat_v{version}.so")

        def current():
            return sorted(re.findall(r"(\w+) +(\d+)  current", self.ask("code", "list")))

        data = os.path.join(self.folder.name, "data")
        restart()
        self.ask("code", "upgrade", "beat", beat(2))
        self.ask("code", "upgrade", "kv", module(2))
        self.wait_for(behind="0")
        self.ask("code", "commit", "kv")
        self.assertEqual(current(), [("beat", "2"), ("kv", "2")])
        restart()
        self.assertEqual(current(), [("beat", "1"), ("kv", "2")])
        self.ask("code", "upgrade", "beat", beat(2), "--eager")
        self.ask("code", "purge", "beat")  # its way back goes with version 1
        restart()
        self.assertEqual(current(), [("beat", "2"), ("kv", "2")])

    def test_many_rounds_leave_nothing(self):
        def bytes_now():
            return int(re.search(r"memory_bytes (\d+)", self.ask("status")).group(1))

        def round_trip(version):
            self.ask("code", "upgrade", "kv", module(version))
            self.wait_for(to=str(version), behind="0")
            self.ask("code", "purge", "kv")

        def files_now():
            """What is open: how many copies of modules, how often the program, how many others."""
            folder, modules, program, others = f"/proc/{self.daemon.pid}/fd", 0, 0, 0
            for fd in os.listdir(folder):
                name = os.readlink(os.path.join(folder, fd))
                modules += "weft-module" in name
                program += name == os.path.join(BIN, "weftd")
                others += "weft-module" not in name and name != os.path.join(BIN, "weftd")
            return modules, program, others

        round_trip(2)
        round_trip(1)
        before, others = bytes_now(), files_now()[2]
        for i in range(20):
            round_trip(2 - i % 2)
        self.assertLess(abs(bytes_now() - before), 4096)
        # The loader holds the copy that is loaded. Names for crash reports (core/posix/places.c) are
        # read in the background and kept till they are next asked for after something was unloaded:
        # of the program, of the module that is current and of the one that was purged.
        modules, program, now = files_now()
        self.assertEqual(now, others)
        self.assertIn(program, (0, 1))
        self.assertIn(modules, (1, 2, 3))


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=2, warnings="ignore")
    count = program.result.testsRun
    wrong = len(program.result.failures) + len(program.result.errors)
    print(f"{max(count - wrong, 0)} passed, {wrong} failed")
    sys.exit(not program.result.wasSuccessful())
