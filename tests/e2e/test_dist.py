"""Daemons as nodes of a cluster: they connect, lose each other, and find each other again."""
import os
import signal
import socket
import struct
import sys

SOURCE = os.environ.get("WEFT_SOURCE", os.getcwd())
sys.path.insert(0, os.path.join(SOURCE, "tests/harness"))
from daemons import Daemons, run_tests, wait_until  # noqa: E402


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Cluster:
    def __init__(self, daemons):
        self.daemons = daemons
        self.name = {n: f"{n}@127.0.0.1:{free_port()}" for n in "ab"}
        self.port = {n: free_port(socket.SOCK_DGRAM) for n in "ab"}

    def start(self, which, cookie="secret", connect="", more=()):
        path = self.daemons.path(which + ".cookie")
        with open(path, "w", encoding="utf-8") as file:
            file.write(cookie + "\n")
        config = self.daemons.path(which + ".yaml")
        with open(config, "w", encoding="utf-8") as file:
            file.write("dist:\n  tick: 2s\n")
        options = ["--config", config, "--node", self.name[which], "--cookie-file", path, *more]
        for other in connect:
            options += ["--connect", self.name[other]]
        self.daemons.weftd(which, "127.0.0.1", self.port[which], options=options)

    def says(self, which, text, count=1, seconds=10):
        wait_until(lambda: self.daemons.log(which).count(text) >= count, seconds,
                   f"{which} says '{text}' {count} times")


def two_daemons_connect_and_find_each_other_again():
    with Daemons() as daemons:
        cluster = Cluster(daemons)
        cluster.start("b")
        cluster.start("a", connect="b")
        cluster.says("a", f"node {cluster.name['b']} is connected")
        cluster.says("b", f"node {cluster.name['a']} is connected")
        daemons.processes["b"].kill()
        daemons.processes["b"].wait()
        cluster.says("a", f"node {cluster.name['b']} is lost")
        os.unlink(daemons.path("b.sock"))
        cluster.start("b")
        cluster.says("a", f"node {cluster.name['b']} is connected", count=2)
        assert daemons.stop("a") == 0
        cluster.says("b", f"node {cluster.name['a']} is lost")
        assert daemons.stop("b") == 0


def the_nodes_it_knows_are_listed():
    with Daemons() as daemons:
        cluster = Cluster(daemons)
        cluster.start("a", connect="b")
        own, other = [line.split() for line in daemons.ask("a", "nodes").splitlines()]
        assert own == [cluster.name["a"], "this", "node"], own
        assert other[0] == cluster.name["b"] and other[1] in ("away", "connecting"), other
        cluster.start("b")
        cluster.says("a", "is connected")
        cluster.says("b", "is connected")
        for which, to in ("ab", "ba"):
            other = daemons.ask(which, "nodes").splitlines()[1].split()
            assert other[:2] == [cluster.name[to], "connected"], other
        daemons.weftd("c", "127.0.0.1", free_port(socket.SOCK_DGRAM))
        try:
            daemons.ask("c", "nodes")
        except AssertionError as error:
            assert "no name" in str(error), error
        else:
            raise AssertionError("a node without a name lists others")


def two_that_want_each_other_connect_once():
    with Daemons() as daemons:
        cluster = Cluster(daemons)
        cluster.start("a", connect="b")
        cluster.start("b", connect="a")
        cluster.says("a", "is connected")
        cluster.says("b", "is connected")
        assert "is lost" not in daemons.log("a") + daemons.log("b")
        assert daemons.stop("a") == 0
        assert daemons.stop("b") == 0


def another_cookie_is_refused():
    with Daemons() as daemons:
        cluster = Cluster(daemons)
        cluster.start("b", cookie="other")
        cluster.start("a", connect="b")
        cluster.says("a", "permission denied")
        assert "is connected" not in daemons.log("a") + daemons.log("b")


def a_frozen_node_is_lost_after_its_tick_time():
    with Daemons() as daemons:
        cluster = Cluster(daemons)
        cluster.start("b")
        cluster.start("a", connect="b")
        cluster.says("b", "is connected")
        daemons.processes["b"].send_signal(signal.SIGSTOP)
        cluster.says("a", "is lost", seconds=8)
        daemons.processes["b"].send_signal(signal.SIGCONT)
        cluster.says("a", "is connected", count=2)


def several_schedulers_start_and_stop_in_order():
    with Daemons() as daemons:
        cluster = Cluster(daemons)
        cluster.start("b", more=["--schedulers", "3"])
        cluster.start("a", connect="b", more=["--schedulers", "2"])
        cluster.says("a", "is connected")
        cluster.says("b", "3 schedulers")
        for name in "ab":
            assert daemons.stop(name) == 0, daemons.log(name)


def a_stranger_writes_no_lines_of_the_log():
    with Daemons() as daemons:
        cluster = Cluster(daemons)
        cluster.start("a")
        name, nonce = b"x\n\x1b[2Jforged", bytes(16)
        hello, proof = 24, 26  # core/wire/signal.h
        size = 36 + len(name) + len(nonce)
        frames = struct.pack("<IBBHIiQQQ", size, hello, 0, len(name), 0, 1, 0, 0, 1)
        frames += name + nonce
        frames += struct.pack("<IBBHIiQQQ", 36 + 32, proof, 0, 0, 0, 0, 0, 0, 0) + bytes(32)
        address = ("127.0.0.1", int(cluster.name["a"].rsplit(":", 1)[1]))
        with socket.create_connection(address) as stranger:
            stranger.sendall(frames)
            cluster.says("a", "forged")
        assert "node x??[2Jforged: " in daemons.log("a"), daemons.log("a")
        assert daemons.stop("a") == 0


def every_scheduler_has_a_watchdog():
    with Daemons() as daemons:
        cluster = Cluster(daemons)
        cluster.start("a", more=["--schedulers", "3"])
        with open(f"/proc/{daemons.processes['a'].pid}/timers", encoding="ascii") as file:
            timers = sum(line.startswith("ID:") for line in file)
        assert timers == 3, timers
        assert daemons.stop("a") == 0


def daemons_that_say_so_share_a_port():
    with Daemons() as daemons:
        port = free_port(socket.SOCK_DGRAM)
        daemons.weftd("a", "127.0.0.1", port, options=["--share-port"])
        daemons.weftd("b", "127.0.0.1", port, options=["--share-port"])
        try:
            daemons.weftd("c", "127.0.0.1", port)
        except AssertionError as error:
            assert "in use" in str(error), error
        else:
            raise AssertionError("a port was shared with one who did not say so")


sys.exit(run_tests([two_daemons_connect_and_find_each_other_again,
                    the_nodes_it_knows_are_listed,
                      two_that_want_each_other_connect_once, another_cookie_is_refused,
                      a_frozen_node_is_lost_after_its_tick_time,
                      several_schedulers_start_and_stop_in_order,
                      a_stranger_writes_no_lines_of_the_log, every_scheduler_has_a_watchdog,
                      daemons_that_say_so_share_a_port]))
