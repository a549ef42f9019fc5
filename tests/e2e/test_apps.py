"""Applications from modules on a real weftd, and what weftctl does to processes."""
import os
import re
import socket
import subprocess
import sys
import time

SOURCE = os.environ.get("WEFT_SOURCE", os.getcwd())
BUILD = os.environ.get("WEFT_BUILD", os.path.join(SOURCE, "build"))
sys.path.insert(0, os.path.join(SOURCE, "tests/harness"))
from daemons import BIN, Daemons, run_tests, skip, wait_until  # noqa: E402

WEFTD = os.path.join(BIN, "weftd")
WEFTCTL = os.path.join(BIN, "weftctl")
COUNTER = os.path.join(BUILD, "modules/counter_v1.so")


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def check(got, wanted, what):
    assert got == wanted, f"{what}:\n      {got!r}, expected\n      {wanted!r}"


def write(daemons, text):
    with open(daemons.path("config.yaml"), "w", encoding="utf-8") as file:
        file.write(text)
    return ["--config", daemons.path("config.yaml")]


def config(daemons, kind, env="{}"):
    return write(daemons, f"apps:\n  - module: {COUNTER}\n    type: {kind}\n    env: {env}\n")


def start(daemons, options):
    return daemons.weftd("a", "127.0.0.1", free_port(), [], options)


def refused(daemons, *words):
    result = subprocess.run([WEFTCTL, "--control", daemons.path("a.sock"), *words],
                            capture_output=True, text=True, timeout=60, check=False)
    check(result.returncode, 1, "exit code")
    return result.stderr


def field(daemons, name, *words):
    for line in daemons.ask("a", *words).split("\n"):
        if line.split(" ")[0] == name:
            return line[len(name) + 1:]
    raise AssertionError(f"no {name} in the answer to {words}")


def counted(daemons):
    return int(field(daemons, "state", "sys", "status", "counter").split()[-1])


def fails_to_start(daemons, options):
    command = [WEFTD, "--dht-bind", "127.0.0.1", "--dht-port", str(free_port()), "--no-control"]
    result = subprocess.run(command + options, capture_output=True, text=True, timeout=30,
                            check=False)
    check(result.returncode, 1, "exit code")
    return result.stderr


def an_application_runs_with_the_values_of_the_file():
    with Daemons() as daemons:
        start(daemons, config(daemons, "permanent", "{start: 500}"))
        assert counted(daemons) >= 500
        check(daemons.ask("a", "apps").split(),
              ["counter_app", "0.3", "running", "permanent", "counts"], "apps")
        check(field(daemons, "application", "sys", "status", "counter"), "counter_app",
              "application of the process")
        check(daemons.stop("a"), 0, "exit code")
        log = daemons.log("a")
        assert log.index("application counter_app ended") < log.index("child dht ended"), log


def the_app_option_runs_a_module():
    with Daemons() as daemons:
        start(daemons, ["--app", COUNTER])
        assert "permanent" in daemons.ask("a", "apps")


def what_cannot_start_is_named():
    with Daemons() as daemons:
        junk = daemons.path("junk.so")
        with open(junk, "wb") as file:
            file.write(b"no object")
        assert "none.so" in fails_to_start(daemons, ["--app", "./none.so"])
        assert "junk.so" in fails_to_start(daemons, ["--app", junk])
        told = fails_to_start(daemons, config(daemons, "permanent", "{start: 2000}"))
        assert "counter_app: child counter" in told, told


def applications_are_stopped_and_started():
    with Daemons() as daemons:
        start(daemons, config(daemons, "permanent"))
        check(daemons.ask("a", "app", "stop", "counter_app"), "", "app stop")
        assert " loaded " in daemons.ask("a", "apps")
        assert "NO_PROC" in refused(daemons, "sys", "status", "counter")
        assert "NOT_STARTED" in refused(daemons, "app", "stop", "counter_app")
        check(daemons.ask("a", "app", "start", "counter_app", "transient"), "counter_app\n",
              "app start")
        assert " transient " in daemons.ask("a", "apps")
        check(daemons.ask("a", "app", "start", "counter_app"), "", "it runs")
        assert "nobody is not loaded" in refused(daemons, "app", "start", "nobody")
        check(daemons.processes["a"].poll(), None, "it goes on")


def the_end_of_a_permanent_application_ends_the_daemon_with_a_reason():
    with Daemons() as daemons:
        process = start(daemons, config(daemons, "permanent", "{crash: yes}"))
        check(process.wait(10), 1, "exit code")
        log = daemons.log("a")
        assert "the node ended: error" in log and "application counter_app ended" in log, log
        assert re.search(r"crash: state of process [0-9a-f]+: counted to 5", log), log


def the_end_of_a_temporary_application_does_not():
    with Daemons() as daemons:
        start(daemons, config(daemons, "temporary", "{crash: yes}"))
        wait_until(lambda: " loaded " in daemons.ask("a", "apps"), 10, "it has ended")
        check(daemons.stop("a"), 0, "exit code")


def a_suspended_process_waits_until_it_is_resumed():
    with Daemons() as daemons:
        start(daemons, config(daemons, "permanent"))
        wait_until(lambda: counted(daemons) > 2, 5, "it counts")
        check(daemons.ask("a", "sys", "suspend", "counter"), "", "suspend")
        held = counted(daemons)
        time.sleep(0.3)
        check(counted(daemons), held, "it is held")
        check(field(daemons, "suspended", "sys", "status", "counter"), "yes", "suspended")
        assert "suspended" in daemons.ask("a", "procs")
        daemons.ask("a", "sys", "resume", "counter")
        wait_until(lambda: counted(daemons) > held, 5, "it goes on")


def a_process_is_watched():
    with Daemons() as daemons:
        start(daemons, config(daemons, "permanent"))
        pid = field(daemons, "pid", "sys", "status", "counter")
        assert "NOT_FOUND" in refused(daemons, "sys", "stats", pid)
        for words in (["stats", pid, "on"], ["log", pid, "2"], ["trace", "counter", "on"]):
            check(daemons.ask("a", "sys", *words), "", " ".join(words))
        wait_until(lambda: int(field(daemons, "messages_in", "sys", "stats", pid)) > 3, 5,
                   "messages are counted")
        lines = daemons.ask("a", "sys", "log", pid).strip().split("\n")
        check(len(lines), 2, "messages kept")
        assert re.fullmatch(r"\d+ ms from 0 timer tag 1, 0 bytes", lines[0]), lines
        assert f"trace {pid} from 0: timer tag 1" in daemons.log("a")
        state = daemons.ask("a", "sys", "state", "counter").strip()
        check(len(state), 16, "hexadecimal digits of the state")
        for words in (["stats", pid, "off"], ["log", pid, "0"], ["trace", "counter", "off"]):
            daemons.ask("a", "sys", *words)
        check(field(daemons, "watched", "sys", "status", pid), "no", "watched")
        assert "TOO_BIG" in refused(daemons, "sys", "log", pid, "1000000")
        for words in (["status", "nobody"], ["log", "nobody"], ["suspend", "ffffff"],
                      ["state", "-1"]):
            assert "NO_PROC" in refused(daemons, "sys", *words), words


def supervisors_tell_their_children():
    with Daemons() as daemons:
        start(daemons, [])
        which = daemons.ask("a", "sup", "which", "root").strip().split("\n")
        check([line.split()[0] for line in which], ["dht", "control", "application"], "which")
        assert "active 3\n" in daemons.ask("a", "sup", "count", "root")
        assert "NOT_FOUND" in refused(daemons, "sup", "which", "dht")
        assert "NOT_FOUND" in refused(daemons, "sup", "which", "nobody")


if __name__ == "__main__":
    if not os.path.exists(WEFTD) or not os.path.exists(COUNTER):
        skip("weftd or the module is not built")
    sys.exit(run_tests([
        an_application_runs_with_the_values_of_the_file, the_app_option_runs_a_module,
        what_cannot_start_is_named, applications_are_stopped_and_started,
        the_end_of_a_permanent_application_ends_the_daemon_with_a_reason,
        the_end_of_a_temporary_application_does_not,
        a_suspended_process_waits_until_it_is_resumed, a_process_is_watched,
        supervisors_tell_their_children]))
