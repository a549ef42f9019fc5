#!/usr/bin/env python3
"""`weft run --live`: the report of a run in a browser while it goes on. The run is the same with
it; only this machine reaches it; it ends when it is told to."""

import http.client
import json
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
WEFT = os.path.abspath(os.path.join(os.environ.get("WEFT_BIN", "build/bin"), "weft"))
SCENARIO = os.path.join(SOURCE, "scenarios/first-partition.yaml")
with open(os.path.join(SOURCE, "README.md"), encoding="utf-8") as readme:
    DEMO_HASH = re.search(r"run hash +([0-9a-f]{32})", readme.read())[1]
SMALL = ["--set", "population=100", "--until", "40s"]
WAIT_MAX = 60


def until(ready, what):
    deadline = time.monotonic() + WAIT_MAX
    while time.monotonic() < deadline:
        got = ready()
        if got:
            return got
        time.sleep(0.05)
    raise AssertionError(f"waited for {what}")


class Live(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="weft-live-")
        self.runs = []

    def tearDown(self):
        for run in self.runs:
            if run.poll() is None:
                run.kill()
            run.communicate()
        shutil.rmtree(self.folder)

    def start(self, *args):
        """The run, and the port it says."""
        self.err = os.path.join(self.folder, f"err{len(self.runs)}")
        self.out = os.path.join(self.folder, f"out{len(self.runs)}")
        with open(self.err, "w", encoding="utf-8") as err, open(self.out, "w", encoding="utf-8") as out:
            run = subprocess.Popen([WEFT, "run", SCENARIO, *args], stdout=out, stderr=err)
        self.runs.append(run)
        found = until(lambda: re.search(r"live at http://127\.0\.0\.1:(\d+)/$", self.said(), re.M)
                      or run.poll() is not None, "the place")
        self.assertIsNone(run.poll(), self.said())
        return run, int(found.group(1))

    def said(self):
        with open(self.err, encoding="utf-8") as err:
            return err.read()

    def ask(self, port, path="/", method="GET", headers=None):
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            link.request(method, path, headers=headers or {})
            answer = link.getresponse()
            return answer.status, answer.read(), answer
        finally:
            link.close()

    def state(self, port):
        status, body, answer = self.ask(port, "/state.json")
        self.assertEqual(status, 200)
        self.assertEqual(answer.getheader("Content-Type"), "application/json")
        return json.loads(body)

    def over(self):
        until(lambda: "stays there until Ctrl-C" in self.said(), "the end of the run")

    def end(self, run, signo=signal.SIGINT):
        run.send_signal(signo)
        return run.wait(timeout=WAIT_MAX)

    def children(self, pid):
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(child) for child in file.read().split()]

    def test_the_run_is_the_same_and_its_page_is_printed(self):
        plain = subprocess.run([WEFT, "run", SCENARIO, "--json", *SMALL], capture_output=True,
                               text=True, timeout=WAIT_MAX)
        for threads in ("1", "2"):
            run, _ = self.start("--live=0", "--json", "--threads", threads, *SMALL)
            self.over()
            self.assertEqual(self.end(run), plain.returncode)
            with open(self.out, encoding="utf-8") as out:
                page = json.loads(out.read())
            self.assertEqual(page["hash"], json.loads(plain.stdout)["hash"])

    def test_the_page_and_the_state_are_there_while_it_runs_and_after(self):
        run, port = self.start("--live=0")
        status, page, answer = self.ask(port)
        self.assertEqual(status, 200)
        self.assertIn("text/html", answer.getheader("Content-Type"))
        self.assertIn(b"state.json", page)
        self.assertEqual(int(answer.getheader("Content-Length")), len(page))
        first = until(lambda: self.state(port) if self.state(port)["events"] > 1000 else None,
                      "events")
        self.assertNotIn("stays there", self.said(), "the run was too short to be looked at")
        self.assertEqual(first["head"]["scenario"], "first-partition")
        until(lambda: self.state(port)["events"] > first["events"], "more events")
        self.over()
        last = self.state(port)
        self.assertGreater(last["events"], first["events"])
        self.assertGreater(last["last"], first["last"])
        self.assertEqual(last["run"]["hash"], DEMO_HASH)
        self.assertEqual(self.end(run), 0)

    def test_only_this_machine_is_listened_to(self):
        run, port = self.start("--live=0", *SMALL)
        listening = []
        for table in ("/proc/net/tcp", "/proc/net/tcp6"):
            if not os.path.exists(table):
                continue
            with open(table, encoding="ascii") as file:
                for line in file.readlines()[1:]:
                    words = line.split()
                    if words[3] == "0A" and int(words[1].split(":")[1], 16) == port:
                        listening.append(words[1].split(":")[0])
        self.assertEqual(listening, ["0100007F"])
        for host in ("example.org", f"example.org:{port}", "127.0.0.1.example.org"):
            status, body, _ = self.ask(port, headers={"Host": host})
            self.assertEqual(status, 403)
            self.assertNotIn(b"state.json", body)
        self.assertEqual(self.ask(port, headers={"Host": f"localhost:{port}"})[0], 200)
        self.end(run)

    def test_other_requests_are_refused(self):
        run, port = self.start("--live=0", *SMALL)
        self.assertEqual(self.ask(port, "/no/such")[0], 404)
        self.assertEqual(self.ask(port, "/../etc/passwd")[0], 404)
        status, body, answer = self.ask(port, method="HEAD")
        self.assertEqual((status, body), (200, b""))
        self.assertGreater(int(answer.getheader("Content-Length")), 1000)
        status, _, answer = self.ask(port, method="POST")
        self.assertEqual((status, answer.getheader("Allow")), (405, "GET, HEAD"))
        for words, wanted in ((b"nonsense\r\n\r\n", b"400"), (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 2000, b"431"),
                              (b"GET / HTTP/1.0\r\n\r\n", b"200")):
            with socket.create_connection(("127.0.0.1", port), timeout=20) as link:
                link.sendall(words)
                self.assertEqual(link.recv(12)[9:12], wanted)
        self.end(run)

    def test_who_says_nothing_does_not_hold_up_the_others(self):
        run, port = self.start("--live=0", *SMALL)
        silent = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(20)]
        silent[0].sendall(b"GET / HT")
        self.assertEqual(self.ask(port)[0], 200)
        self.over()
        self.assertEqual(self.ask(port, "/state.json")[0], 200)
        for link in silent:
            link.close()
        self.end(run)

    def test_a_port_in_use_is_named(self):
        run, port = self.start("--live=0", *SMALL)
        second = subprocess.run([WEFT, "run", SCENARIO, f"--live={port}"], capture_output=True,
                                text=True, timeout=WAIT_MAX)
        self.assertEqual(second.returncode, 2)
        self.assertEqual(second.stderr.count("\n"), 1)
        self.assertIn(f"port {port} is in use; --live=PORT takes another", second.stderr)
        self.end(run)

    def test_it_ends_with_the_run_whoever_is_told(self):
        for signo, of_child in ((signal.SIGINT, False), (signal.SIGTERM, False), (signal.SIGTERM, True)):
            with self.subTest(signo=signo, of_child=of_child):
                run, port = self.start("--live=0", *SMALL)
                self.over()
                child = self.children(run.pid)
                self.assertEqual(len(child), 1)
                if of_child:
                    os.kill(child[0], signo)
                else:
                    run.send_signal(signo)
                self.assertEqual(run.wait(timeout=WAIT_MAX), 1)  # it ended too soon to be judged
                until(lambda: not os.path.exists(f"/proc/{child[0]}"), "the server's end")
                with self.assertRaises(OSError):
                    self.ask(port)

    def test_a_run_that_is_killed_takes_its_server_along(self):
        run, _ = self.start("--live=0")
        child = self.children(run.pid)
        run.kill()
        run.wait()
        until(lambda: not os.path.exists(f"/proc/{child[0]}"), "the server's end")

    def test_a_server_that_is_killed_does_not_stop_the_run(self):
        run, _ = self.start("--live=0")
        os.kill(self.children(run.pid)[0], signal.SIGKILL)
        self.assertEqual(run.wait(timeout=WAIT_MAX), 0)
        with open(self.out, encoding="utf-8") as out:
            self.assertIn(DEMO_HASH, out.read())

    def test_options_that_do_not_fit_are_one_line(self):
        for args, wanted in ((["--live=x"], '"x" is no port'), (["--live=70000"], "is no port"),
                             (["--live", "--seeds", "3"], "--live is of one seed"),
                             (["--live", "--top"], "--live and --top do not go together"),
                             (["--top"], "--top needs a terminal")):
            run = subprocess.run([WEFT, "run", SCENARIO, *args], capture_output=True, text=True,
                                 timeout=WAIT_MAX)
            self.assertEqual(run.returncode, 2)
            self.assertIn(wanted, run.stderr)
            self.assertEqual(run.stderr.count("\n"), 1)


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=2)
    count = program.result.testsRun
    wrong = len(program.result.failures) + len(program.result.errors)
    print(f"{max(count - wrong, 0)} passed, {wrong} failed")
    sys.exit(not program.result.wasSuccessful())
