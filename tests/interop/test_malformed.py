"""1,000,000 malformed datagrams at a live weftd change no state and leak nothing.

WEFT_MALFORMED in the environment says how many. Every datagram must reach the daemon: what the
kernel drops because nobody reads tests nothing. So the sender waits for an answer after every few,
asked from many addresses because each may ask only 50 times a second.
"""
import itertools
import os
import random
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from live import with_weftd  # noqa: E402
from daemons import run_tests, wait_until  # noqa: E402
from krpc import Node  # noqa: E402

COUNT = int(os.environ.get("WEFT_MALFORMED", "1000000"))
KEPT_MAX = 65536  # bytes
WINDOW = 200  # datagrams between two answers; they fit the smallest of socket buffers
STATE = ("contacts4", "contacts6", "candidates", "buckets", "keys", "values", "pending", "lookups",
         "unsolicited", "timers", "processes", "faulted", "memory_bytes")


def mutate(rng, packet):
    data = bytearray(packet)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data))
        choice = rng.randrange(4)
        if choice == 0:
            data[at] = rng.randrange(256)
        elif choice == 1:
            del data[at:at + rng.randint(1, 8)]
        elif choice == 2:
            data[at:at] = rng.randbytes(rng.randint(1, 8))
        else:
            data = data[:at + 1]
        data = data or bytearray(b"d")
    return bytes(data)


def malformed_packets(count):
    """Packets that no decoder may accept: bytes that are not bencode, dictionaries without y or t,
    wrong types and lengths, endless nesting, and every one of them cut or bent."""
    rng = random.Random(7)
    whole = [b"d1:ad2:id20:" + rng.randbytes(20) + b"e1:q4:ping1:t2:aa1:y1:q",  # no end
             b"d1:ad2:id20:" + rng.randbytes(20) + b"6:target20:" + rng.randbytes(19)
             + b"e1:q9:find_node",
             b"l" * 900, b"d" * 900, b"i" + b"9" * 400 + b"e", b"99999999999999999999:x",
             b"d1:t2:aa1:y1:re", b"d1:rd2:id19:" + rng.randbytes(19) + b"e1:t2:aa1:y1:re",
             b"d1:rd2:id20:" + rng.randbytes(20) + b"5:nodes25:" + rng.randbytes(25)
             + b"e1:t2:aa1:y1:re"]
    for i in range(count):
        if i % 4 == 0:
            yield rng.randbytes(rng.randint(1, 200))
        else:
            packet = mutate(rng, whole[i % len(whole)])
            yield packet if packet[-1:] != b"e" else packet + b"!"


class Waiting:
    """Waits until weftd has read all that was sent before."""

    def __init__(self, live):
        self.live = live
        self.nodes = [Node(host=f"127.0.4.{i}", answers=False, read_only=True)
                      for i in range(1, 121)]
        self.turn = itertools.cycle(self.nodes)

    def all_read(self):
        assert next(self.turn).query(self.live.to, "ping", seconds=10) is not None, \
            "a polite ping was lost"


def flood(live, waiting, packets, count):
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.bind(("127.0.0.44", 0))
    sender.connect(live.to)
    turn = itertools.cycle(packets)
    for start in range(0, count, WINDOW):
        for _ in range(min(WINDOW, count - start)):
            sender.send(next(turn))
        waiting.all_read()
    sender.close()


def something_to_lose(live):
    """A contact, an item and a peer: (asks for them, what it heard)."""
    live.daemons.weftd("other", "127.0.0.2", live.port, [f"127.0.0.1:{live.port}"])
    wait_until(lambda: live.contacts() == 1, 10, "the other is a contact")
    node, key = Node(host="127.0.0.43", answers=False, read_only=True), os.urandom(20)
    token = node.query(live.to, "get_peers", info_hash=key)[b"r"][b"token"]
    assert node.query(live.to, "announce_peer", info_hash=key, port=7, token=token)[b"y"] == b"r"
    assert node.query(live.to, "put", v="kept", token=token)[b"y"] == b"r"

    def ask():
        peers = node.query(live.to, "get_peers", info_hash=key)[b"r"]
        return peers[b"values"], peers[b"nodes"], live.daemons.ask("node", "table").split()[1:4]
    return ask


def at_rest(live):
    """The state while no query of its own is under way."""
    wait_until(lambda: live.status()["pending"] == "0", 10, "no query is under way")
    return {key: value for key, value in live.status().items() if key in STATE}


def resident(process):
    """kB"""
    with open(f"/proc/{process.pid}/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


@with_weftd()
def malformed_datagrams_change_no_state_and_leak_nothing(live):
    ask = something_to_lose(live)
    packets, waiting = list(malformed_packets(20000)), Waiting(live)
    for _ in waiting.nodes:
        waiting.all_read()
    flood(live, waiting, packets, 20000)
    known, before, rss = ask(), at_rest(live), resident(live.process)
    refused = int(live.status()["malformed"])
    start = time.monotonic()
    flood(live, waiting, packets, COUNT)
    took = time.monotonic() - start
    refused = int(live.status()["malformed"]) - refused
    assert refused == COUNT, f"{refused} of {COUNT} were refused"
    after = at_rest(live)
    # Records that were needed at once are kept for the next time: some, not some for each datagram.
    grown = int(after.pop("memory_bytes")) - int(before.pop("memory_bytes"))
    assert grown < KEPT_MAX, f"{grown} bytes more after {COUNT} datagrams"
    assert after == before, (before, after)
    assert ask() == known, "what it knew has changed"
    assert resident(live.process) <= rss + 1024, (rss, resident(live.process))
    print(f"       {COUNT} datagrams in {took:.1f} s, {grown} bytes more")


if __name__ == "__main__":
    sys.exit(run_tests([malformed_datagrams_change_no_state_and_leak_nothing]))
