"""A live weftd on loopback, held to the rules that deployed DHT nodes break (core/dht/dht.h, R1-R8)."""
import os
import random
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.environ.get("WEFT_SOURCE", os.getcwd()), "tests/harness"))
from daemons import Daemons, run_tests, wait_until  # noqa: E402
from krpc import Node, compact  # noqa: E402

PORT = 21881
TO = ("127.0.0.1", PORT)


def with_weftd(test):
    def run():
        with Daemons() as daemons:
            daemons.weftd("node", "127.0.0.1", PORT)
            test(daemons)
    run.__name__ = test.__name__
    return run


def handed_out(asker, node):
    """Whether find_node of the node's own id returns it."""
    reply = asker.query(TO, "find_node", target=node.id, want=["n4"])
    assert reply is not None and b"r" in reply, reply
    return node.id + compact(node.host, node.port) in [
        reply[b"r"][b"nodes"][i:i + 26] for i in range(0, len(reply[b"r"][b"nodes"]), 26)]


@with_weftd
def a_silent_asker_is_never_handed_out(daemons):
    silent, asker = Node(answers=False), Node(answers=False)
    for _ in range(20):
        assert silent.query(TO, "ping") is not None
        assert not handed_out(asker, silent)
        time.sleep(0.2)
    assert daemons.contacts("node") == 0


@with_weftd
def a_new_contact_is_verified_within_2_s(daemons):
    node, asker = Node(), Node(answers=False)
    assert node.query(TO, "ping") is not None
    start = time.monotonic()
    while not handed_out(asker, node):
        assert time.monotonic() - start < 2.0, "not verified in 2 s"
        node.receive(0.05)
    assert daemons.contacts("node") == 1


@with_weftd
def a_dead_contact_is_forgotten_within_60_s(daemons):
    node, asker = Node(), Node(answers=False)
    assert node.query(TO, "ping") is not None
    wait_until(lambda: (node.receive(0.05), handed_out(asker, node))[1], 3, "it is a contact")
    node.answers = False
    took = wait_until(lambda: (time.sleep(0.5), not handed_out(asker, node))[1], 60,
                      "the dead contact is forgotten")
    assert took > 1, "a live contact was dropped at once"


@with_weftd
def unsolicited_replies_change_nothing(daemons):
    spoofer = Node(answers=False)
    before = daemons.status("node")
    for size in (1, 2, 4, 8):
        for _ in range(50):
            spoofer.send(TO, {"t": os.urandom(size), "y": "r",
                              "r": {"id": os.urandom(20), "nodes": os.urandom(26 * 8)}})
            spoofer.send(TO, {"t": os.urandom(size), "y": "e", "e": [201, "no"]})
    assert spoofer.receive(1.0, lambda m: True) is None, "a reply was answered"
    after = daemons.status("node")
    for key in ("contacts4", "candidates", "keys", "pending", "lookups"):
        assert before[key] == after[key], (key, before[key], after[key])
    assert int(after["unsolicited"]) == 400
    assert spoofer.query(TO, "ping") is not None, "the spoofed address was silenced"


@with_weftd
def an_unknown_method_is_answered_with_204(_):
    reply = Node(answers=False).query(TO, "vote", target=os.urandom(20))
    assert reply[b"y"] == b"e" and reply[b"e"][0] == 204, reply


@with_weftd
def a_malformed_query_is_answered_with_203(_):
    reply = Node(answers=False).query(TO, "find_node", target=b"short")
    assert reply[b"y"] == b"e" and reply[b"e"][0] == 203, reply


@with_weftd
def every_reply_carries_the_address_it_saw(_):
    node = Node(answers=False)
    for method, arguments in (("ping", {}), ("find_node", {"target": os.urandom(20)}),
                              ("get_peers", {"info_hash": os.urandom(20)})):
        reply = node.query(TO, method, **arguments)
        assert reply[b"ip"] == compact(node.host, node.port), (method, reply)


@with_weftd
def replies_fit_an_ethernet_frame(_):
    key, asker = os.urandom(20), Node(answers=False)
    for last in range(2, 170):
        peer = Node(host=f"127.0.0.{last}", answers=False)
        token = peer.query(TO, "get_peers", info_hash=key)[b"r"][b"token"]
        for port in range(1, 4):
            reply = peer.query(TO, "announce_peer", info_hash=key, port=port, token=token)
            assert reply[b"y"] == b"r", reply
        peer.close()
    reply = asker.query(TO, "get_peers", info_hash=key)
    assert len(reply[b"r"][b"values"]) >= 50, len(reply[b"r"][b"values"])
    assert asker.last_size <= 1472, asker.last_size


@with_weftd
def an_announce_needs_its_token(_):
    node, other = Node(answers=False), Node(host="127.0.0.9", answers=False)
    key = os.urandom(20)
    token = node.query(TO, "get_peers", info_hash=key)[b"r"][b"token"]
    for wrong in (b"", b"12345678", token[:-1] + bytes([token[-1] ^ 1])):
        reply = node.query(TO, "announce_peer", info_hash=key, port=7, token=wrong)
        assert reply[b"e"][0] == 203, reply
    reply = other.query(TO, "announce_peer", info_hash=key, port=7, token=token)
    assert reply[b"e"][0] == 203, "a token of another address was taken"
    assert node.query(TO, "announce_peer", info_hash=key, port=7, token=token)[b"y"] == b"r"
    assert other.query(TO, "get_peers", info_hash=key)[b"r"][b"values"] == [compact("127.0.0.1", 7)]


@with_weftd
def a_flood_of_one_address_starves_no_other(_):
    flood, polite = Node(host="127.0.0.7", answers=False), Node(host="127.0.0.8", answers=False)
    packet = b"d1:ad2:id20:" + flood.id + b"e1:q4:ping1:t2:aa1:y1:qe"
    lost = 0
    for _ in range(40):
        for _ in range(250):
            flood.socket.sendto(packet, TO)
        lost += polite.query(TO, "ping", seconds=1.0) is None
    assert lost == 0, f"{lost} of 40 pings lost"


@with_weftd
def a_read_only_asker_is_answered_and_not_kept(daemons):
    node = Node()
    node.send(TO, {"t": "aa", "y": "q", "q": "ping", "ro": 1, "a": {"id": node.id}})
    assert node.receive(1.0, lambda m: m.get(b"t") == b"aa") is not None
    node.receive(2.0)
    assert daemons.contacts("node") == 0
    assert int(daemons.status("node")["candidates"]) == 0


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
             b"d1:ad2:id20:" + rng.randbytes(20) + b"6:target20:" + rng.randbytes(19) + b"e1:q9:find_node",
             b"l" * 900, b"d" * 900, b"i" + b"9" * 400 + b"e", b"99999999999999999999:x",
             b"d1:t2:aa1:y1:re", b"d1:rd2:id19:" + rng.randbytes(19) + b"e1:t2:aa1:y1:re",
             b"d1:rd2:id20:" + rng.randbytes(20) + b"5:nodes25:" + rng.randbytes(25) + b"e1:t2:aa1:y1:re"]
    for i in range(count):
        if i % 4 == 0:
            yield rng.randbytes(rng.randint(1, 200))
        else:
            packet = mutate(rng, whole[i % len(whole)])
            yield packet if packet[-1:] != b"e" else packet + b"!"


@with_weftd
def malformed_datagrams_change_no_state_and_leak_nothing(daemons):
    """WEFT_MALFORMED in the environment says how many."""
    count = int(os.environ.get("WEFT_MALFORMED", "1000000"))
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.bind(("127.0.0.44", 0))
    sender.connect(TO)
    packets = list(malformed_packets(20000))
    warm = Node(host="127.0.0.45", answers=False, read_only=True)
    for packet in packets[:2000]:
        sender.send(packet)
    assert warm.query(TO, "ping") is not None
    before = daemons.status("node")
    seen = int(before["malformed"]) + int(before["rate_limited"])
    for i in range(count):
        sender.send(packets[i % len(packets)])
        if i % 500 == 499:  # do not outrun the socket's buffer: what is lost there tests nothing
            assert warm.query(TO, "ping", seconds=5) is not None
            time.sleep(0.021)
    after = daemons.status("node")
    for key in ("contacts4", "contacts6", "candidates", "keys", "values", "pending", "lookups",
                "timers", "processes", "faulted"):
        assert before[key] == after[key], (key, before[key], after[key])
    refused = int(after["malformed"]) + int(after["rate_limited"]) - seen
    assert refused >= count * 0.99, f"only {refused} of {count} were refused"
    assert int(after["memory_bytes"]) <= int(before["memory_bytes"]) + 65536, "memory grew"


sys.exit(run_tests([
    a_new_contact_is_verified_within_2_s, a_silent_asker_is_never_handed_out,
    unsolicited_replies_change_nothing, an_unknown_method_is_answered_with_204,
    a_malformed_query_is_answered_with_203, every_reply_carries_the_address_it_saw,
    replies_fit_an_ethernet_frame, an_announce_needs_its_token,
    a_flood_of_one_address_starves_no_other, a_read_only_asker_is_answered_and_not_kept,
    malformed_datagrams_change_no_state_and_leak_nothing, a_dead_contact_is_forgotten_within_60_s]))
