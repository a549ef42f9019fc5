"""Ten weftd on loopback; one is killed and comes back: the network heals, its table is restored."""
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.environ.get("WEFT_SOURCE", os.getcwd()), "tests/harness"))
from daemons import Daemons, run_tests, wait_until  # noqa: E402

COUNT = 10
FIRST = 22881


def name(i):
    return f"node{i}"


def start(daemons, i):
    bootstrap = [] if i == 0 else [f"127.0.0.1:{FIRST}"]
    return daemons.weftd(name(i), "127.0.0.1", FIRST + i, bootstrap,
                         ["--data", daemons.path(f"data{i}")])


def all_know_all(daemons, nodes):
    return all(daemons.contacts(name(i)) >= min(8, len(nodes) - 1) for i in nodes)


def knows(daemons, node, identity):
    """A line of the replacement cache is no contact: nobody is told of it (core/dht/dht.h, R3)."""
    lines = daemons.ask(name(node), "table").splitlines()
    return any(identity in line for line in lines if " cache " not in line)


def ten_daemons_heal_after_a_kill():
    with Daemons() as daemons:
        for i in range(COUNT):
            start(daemons, i)
        wait_until(lambda: all_know_all(daemons, range(COUNT)), 20, "ten nodes join")
        key = daemons.ask(name(1), "dht", "put", "a text to keep").split()[1]
        assert daemons.ask(name(9), "dht", "get", key) == "a text to keep\n"

        victim = 4
        identity = daemons.status(name(victim))["id"]
        wait_until(lambda: os.path.exists(daemons.path(f"data{victim}/dht/table")), 40,
                   "the victim saves its table")
        daemons.processes[name(victim)].send_signal(signal.SIGKILL)
        daemons.processes[name(victim)].wait(5)

        others = [i for i in range(COUNT) if i != victim]
        for i in others:
            assert daemons.ask(name(i), "dht", "get", key) == "a text to keep\n", i
        wait_until(lambda: not any(knows(daemons, i, identity) for i in others), 60,
                   "the dead node is forgotten")

        os.unlink(daemons.path(name(victim) + ".sock"))
        # No bootstrap this time: only the table on disk can bring it back.
        daemons.weftd(name(victim), "127.0.0.1", FIRST + victim, [],
                      ["--data", daemons.path(f"data{victim}")])
        assert daemons.status(name(victim))["id"] == identity, "it came back as somebody else"
        wait_until(lambda: daemons.contacts(name(victim)) >= 8, 10, "its table comes back from disk")
        assert daemons.ask(name(victim), "dht", "get", key) == "a text to keep\n"
        wait_until(lambda: any(knows(daemons, i, identity) for i in others), 20,
                   "the others know it again")


def sigterm_stops_in_order_and_saves():
    with Daemons() as daemons:
        for i in range(3):
            start(daemons, i)
        wait_until(lambda: all_know_all(daemons, range(3)), 20, "three nodes join")
        assert daemons.stop(name(2), signal.SIGTERM) == 0
        assert os.path.exists(daemons.path("data2/dht/table")), "the table was not saved"
        assert not os.path.exists(daemons.path(name(2) + ".sock")), "the control socket stays"
        assert "stopped" in daemons.log(name(2))


def a_port_in_use_is_named():
    with Daemons() as daemons:
        start(daemons, 0)
        process = daemons.start("second", [os.path.join(os.environ.get("WEFT_BIN", "build/bin"),
                                                        "weftd"), "--dht-bind", "127.0.0.1",
                                           "--dht-port", str(FIRST), "--no-control"])
        assert process.wait(10) == 1
        assert str(FIRST) in daemons.log("second"), daemons.log("second")
        assert "in use" in daemons.log("second"), daemons.log("second")


def the_tree_shows_every_process():
    with Daemons() as daemons:
        start(daemons, 0)
        tree = daemons.ask(name(0), "tree")
        for process in ("root", "dht", "control"):
            assert process in tree, tree


def bad_requests_are_told_and_harm_nothing():
    with Daemons() as daemons:
        start(daemons, 0)
        for words, why in ((["nonsense"], "unknown request"), (["dht", "get", "xyz"], "40 hex"),
                           (["dht"], "expected dht"), (["status", "now"], "more words"),
                           (["dht", "announce", "0" * 40, "70000"], "port")):
            try:
                daemons.ask(name(0), *words)
                raise RuntimeError(f"{words} was not refused")
            except AssertionError as error:
                assert why in str(error), error
        time.sleep(0.1)
        assert daemons.status(name(0))["faulted"] == "0"


sys.exit(run_tests([ten_daemons_heal_after_a_kill, sigterm_stops_in_order_and_saves,
                    a_port_in_use_is_named, the_tree_shows_every_process,
                    bad_requests_are_told_and_harm_nothing]))
