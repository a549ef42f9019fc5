"""A real weftd with several schedulers: an application with a part on each, ports they share, and
code that is changed on all of them."""
import os
import re
import socket
import subprocess
import sys

SOURCE = os.environ.get("WEFT_SOURCE", os.getcwd())
BUILD = os.environ.get("WEFT_BUILD", os.path.join(SOURCE, "build"))
sys.path.insert(0, os.path.join(SOURCE, "tests/harness"))
from daemons import BIN, Daemons, run_tests, wait_until  # noqa: E402

STREAMS = 150


def module(version):
    return os.path.join(BUILD, f"modules/front_v{version}.so")


def free_port(kind=socket.SOCK_DGRAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(daemons, name, port, schedulers=3, more=(), env="", kind="permanent"):
    path = daemons.path(name + ".yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"apps:\n  - module: {module(1)}\n    type: {kind}\n"
                   f"    env: {{port: {port}{env}}}\n")
    daemons.weftd(name, "127.0.0.1", free_port(), options=[
        "--config", path, "--schedulers", str(schedulers), *more])


def served(port, count=STREAMS):
    """What listeners on the port say, each with how often."""
    said = {}
    for _ in range(count):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as stream:
            text = b""
            while not text.endswith(b"\n"):
                got = stream.recv(100)
                assert got, f"the stream ended after {text!r}"
                text += got
        line = text.decode().strip()
        said[line] = said.get(line, 0) + 1
    return said


def refused(daemons, name, *words):
    result = subprocess.run([os.path.join(BIN, "weftctl"), "--control",
                             daemons.path(name + ".sock"), *words],
                            capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1, result.stdout
    return result.stderr


def streams_spread_over_the_schedulers_of_a_daemon():
    with Daemons() as daemons:
        port = free_port(socket.SOCK_STREAM)
        start(daemons, "a", port)
        said = served(port)
        assert sorted(said) == [f"scheduler {i} v1" for i in range(3)], said
        assert min(said.values()) > STREAMS // 9, said
        assert daemons.stop("a") == 0, daemons.log("a")
        log = daemons.log("a")
        for other in ("front stops on 1", "front stops on 2"):
            assert log.index(other) < log.index("front stops on 0"), log


def a_port_of_several_schedulers_is_nobody_elses():
    with Daemons() as daemons:
        port = free_port(socket.SOCK_STREAM)
        start(daemons, "a", port)
        try:
            start(daemons, "b", port)
        except AssertionError as error:
            assert "already in use" in str(error), error
        else:
            raise AssertionError("two daemons listen on one port and do not know")


def two_daemons_that_share_a_port_both_serve_it():
    with Daemons() as daemons:
        port = free_port(socket.SOCK_STREAM)
        for name in "ab":
            start(daemons, name, port, 2, ["--share-port"])
        served(port)
        # Which of the two it was: one that is gone serves no more, and the other all.
        assert daemons.stop("a") == 0, daemons.log("a")
        said = served(port, 40)
        assert sorted(said) == ["scheduler 0 v1", "scheduler 1 v1"], said
        assert daemons.stop("b") == 0, daemons.log("b")


def sockets_of(pid):
    inodes = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            found = re.match(r"socket:\[(\d+)\]", os.readlink(f"/proc/{pid}/fd/{fd}"))
        except OSError:
            continue
        if found:
            inodes.add(found.group(1))
    return inodes


def owners(port):
    """The sockets of streams on the port, by the kernel's table."""
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table][1:]
    return {row[9] for row in rows if row[1].endswith(f":{port:04X}") and row[3] == "01"}


def streams_spread_over_daemons_that_share_a_port():
    with Daemons() as daemons:
        port = free_port(socket.SOCK_STREAM)
        for name in "ab":
            start(daemons, name, port, 2, ["--share-port"], ", keep: 1")
        streams = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(80)]
        for stream in streams:
            assert stream.recv(100).startswith(b"scheduler ")
        mine = owners(port)
        shares = [len(mine & sockets_of(daemons.processes[name].pid)) for name in "ab"]
        for stream in streams:
            stream.close()
        assert sum(shares) == 80 and min(shares) > 10, shares


def an_application_is_started_and_stopped_on_every_scheduler():
    with Daemons() as daemons:
        port = free_port(socket.SOCK_STREAM)
        start(daemons, "a", port, kind="temporary")
        apps = daemons.ask("a", "apps")
        assert apps.split()[:4] == ["front", "1", "running", "temporary"], apps
        daemons.ask("a", "app", "stop", "front")
        assert "on 0 of 3 schedulers" in daemons.ask("a", "apps")
        wait_until(lambda: daemons.log("a").count("front stops on") == 3, 5, "three lines")
        daemons.ask("a", "app", "start", "front", "temporary")
        assert len(served(port)) == 3
        assert daemons.stop("a") == 0, daemons.log("a")


def a_part_that_does_not_start_is_told_with_its_scheduler():
    with Daemons() as daemons:
        port = free_port(socket.SOCK_STREAM)
        try:
            start(daemons, "a", port, env=", broken: 2")
        except AssertionError as error:
            assert "cannot start scheduler 2: connection refused" in str(error), error
        else:
            raise AssertionError("it started")


def status(daemons, name, word):
    for line in daemons.ask(name, "code", "status", "front").splitlines():
        if line.split(" ", 1)[0] == word:
            return line.split(" ", 1)[1]
    return ""


def all_say(port, version):
    return sorted(served(port, 60)) == [f"scheduler {i} v{version}" for i in range(3)]


def code_changes_on_every_scheduler_and_goes_back():
    with Daemons() as daemons:
        port = free_port(socket.SOCK_STREAM)
        start(daemons, "a", port)
        daemons.ask("a", "code", "load", module(2))
        daemons.ask("a", "code", "upgrade", "front", "2")
        wait_until(lambda: all_say(port, 2), 10, "all run version 2")
        assert status(daemons, "a", "switched") == "3"
        rows = daemons.ask("a", "code", "list").splitlines()
        assert rows[1].split()[:5] == ["front", "2", "current", "processes", "3"], rows
        daemons.ask("a", "code", "rollback", "front")
        wait_until(lambda: all_say(port, 1), 10, "all run version 1")
        assert status(daemons, "a", "upgrade") == "rolled back"
        daemons.ask("a", "code", "upgrade", "front", "2")
        wait_until(lambda: all_say(port, 2), 10, "all run version 2 again")
        daemons.ask("a", "code", "commit", "front")
        daemons.ask("a", "code", "purge", "front")
        assert len(daemons.ask("a", "code", "list").splitlines()) == 1
        assert "on 3 of 3 schedulers" in daemons.ask("a", "apps")
        assert daemons.stop("a") == 0, daemons.log("a")


def what_one_scheduler_rolls_back_all_do():
    with Daemons() as daemons:
        port = free_port(socket.SOCK_STREAM)
        start(daemons, "a", port)
        begun = 3
        try:
            daemons.ask("a", "code", "upgrade", "front", module(3))
        except AssertionError as error:  # the first had rolled back before the last began
            late = re.search("FAULT scheduler ([12]): another scheduler rolled it back", str(error))
            assert late, error
            begun = int(late.group(1))
        wait_until(lambda: status(daemons, "a", "upgrade") == "rolled back", 10, "a rollback")
        wait_until(lambda: all_say(port, 1), 10, "all run version 1")
        wait_until(lambda: daemons.log("a").count("goes back from version 3 to 1") == begun, 5,
                   "lines")
        assert begun < 3 or daemons.log("a").count("scheduler 1: ") == 2, daemons.log("a")
        rows = daemons.ask("a", "code", "list").splitlines()
        assert rows[0].split()[:3] == ["front", "1", "current"], rows
        # An eager one is refused at once; it says so if processes were still on their way back.
        daemons.ask("a", "code", "purge", "front")
        said = refused(daemons, "a", "code", "upgrade", "front", module(3), "--eager")
        assert "FAULT scheduler 1: " in said, said
        wait_until(lambda: all_say(port, 1), 10, "all run version 1")
        daemons.ask("a", "code", "purge", "front")
        rows = daemons.ask("a", "code", "list").splitlines()
        assert len(rows) == 1, rows


def a_refused_upgrade_leaves_nothing_loaded():
    with Daemons() as daemons:
        port = free_port(socket.SOCK_STREAM)
        start(daemons, "a", port)
        other = os.path.join(BUILD, "modules/kv_v1.so")
        said = refused(daemons, "a", "code", "upgrade", "front", other)
        assert "is of module 'kv'" in said and "stays" not in said, said
        daemons.ask("a", "code", "upgrade", "front", module(2), "--canary", "1%")
        said = refused(daemons, "a", "code", "upgrade", "front", module(3))
        assert "a canary of version 2" in said and "stays" not in said, said
        said = refused(daemons, "a", "code", "upgrade", "none", module(2))
        assert "no module 'none' is loaded" in said, said
        assert len(daemons.ask("a", "code", "list").splitlines()) == 2
        assert daemons.stop("a") == 0, daemons.log("a")


def a_release_is_for_every_scheduler():
    with Daemons() as daemons:
        port = free_port(socket.SOCK_STREAM)
        start(daemons, "a", port)
        for version in (2, 3):
            with open(daemons.path(f"plan{version}.yaml"), "w", encoding="utf-8") as file:
                file.write("eager: true\nsteps:\n"
                           f"  - {{module: front, version: {version}, path: {module(version)}}}\n")
        daemons.ask("a", "release", daemons.path("plan2.yaml"), "--dry-run")
        assert len(daemons.ask("a", "code", "list").splitlines()) == 1
        daemons.ask("a", "release", daemons.path("plan2.yaml"))
        assert all_say(port, 2)
        said = refused(daemons, "a", "release", daemons.path("plan3.yaml"))
        assert "scheduler 1: " in said, said
        assert all_say(port, 2)
        os.mkfifo(daemons.path("pipe.yaml"))
        said = refused(daemons, "a", "release", daemons.path("pipe.yaml"))
        assert "no regular file" in said, said
        assert daemons.stop("a") == 0, daemons.log("a")


sys.exit(run_tests([streams_spread_over_the_schedulers_of_a_daemon,
                    a_port_of_several_schedulers_is_nobody_elses,
                    two_daemons_that_share_a_port_both_serve_it,
                    streams_spread_over_daemons_that_share_a_port,
                    an_application_is_started_and_stopped_on_every_scheduler,
                    a_part_that_does_not_start_is_told_with_its_scheduler,
                    code_changes_on_every_scheduler_and_goes_back,
                    what_one_scheduler_rolls_back_all_do,
                    a_refused_upgrade_leaves_nothing_loaded,
                    a_release_is_for_every_scheduler]))
