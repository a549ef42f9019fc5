"""A live weftd on loopback, held to the rules that deployed DHT nodes break (core/dht/dht.h)."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from live import with_weftd  # noqa: E402
from daemons import run_tests, wait_until  # noqa: E402
from krpc import Node, compact  # noqa: E402


def handed_out(live, asker, node):
    """Whether find_node of the node's own id returns it."""
    reply = asker.query(live.to, "find_node", target=node.id, want=["n4"])
    assert reply is not None and b"r" in reply, reply
    return node.id + compact(node.host, node.port) in [
        reply[b"r"][b"nodes"][i:i + 26] for i in range(0, len(reply[b"r"][b"nodes"]), 26)]


@with_weftd()
def a_silent_asker_is_never_handed_out(live):
    silent, asker = Node(answers=False), Node(answers=False)
    for _ in range(20):
        assert silent.query(live.to, "ping") is not None
        assert not handed_out(live, asker, silent)
        time.sleep(0.2)
    assert live.contacts() == 0


@with_weftd()
def a_new_contact_is_verified_within_2_s(live):
    node, asker = Node(), Node(answers=False)
    assert node.query(live.to, "ping") is not None
    start = time.monotonic()
    while not handed_out(live, asker, node):
        assert time.monotonic() - start < 2.0, "not verified in 2 s"
        node.receive(0.05)
    assert live.contacts() == 1


@with_weftd()
def a_dead_contact_is_forgotten_within_60_s(live):
    node, asker = Node(), Node(answers=False)
    assert node.query(live.to, "ping") is not None
    wait_until(lambda: (node.receive(0.05), handed_out(live, asker, node))[1], 3, "it is a contact")
    node.answers = False
    took = wait_until(lambda: (time.sleep(0.5), not handed_out(live, asker, node))[1], 60,
                      "the dead contact is forgotten")
    assert took > 1, "a live contact was dropped at once"


@with_weftd()
def unsolicited_replies_change_nothing(live):
    spoofer = Node(answers=False)
    before = live.status()
    for size in (1, 2, 4, 8):
        for _ in range(50):
            spoofer.send(live.to, {"t": os.urandom(size), "y": "r",
                              "r": {"id": os.urandom(20), "nodes": os.urandom(26 * 8)}})
            spoofer.send(live.to, {"t": os.urandom(size), "y": "e", "e": [201, "no"]})
    assert spoofer.receive(1.0, lambda m: True) is None, "a reply was answered"
    after = live.status()
    for key in ("contacts4", "candidates", "keys", "pending", "lookups"):
        assert before[key] == after[key], (key, before[key], after[key])
    assert int(after["unsolicited"]) == 400
    assert spoofer.query(live.to, "ping") is not None, "the spoofed address was silenced"


@with_weftd()
def an_unknown_method_is_answered_with_204(live):
    reply = Node(answers=False).query(live.to, "vote", target=os.urandom(20))
    assert reply[b"y"] == b"e" and reply[b"e"][0] == 204, reply


@with_weftd()
def a_malformed_query_is_answered_with_203(live):
    reply = Node(answers=False).query(live.to, "find_node", target=b"short")
    assert reply[b"y"] == b"e" and reply[b"e"][0] == 203, reply


@with_weftd()
def every_reply_carries_the_address_it_saw(live):
    node = Node(answers=False)
    for method, arguments in (("ping", {}), ("find_node", {"target": os.urandom(20)}),
                              ("get_peers", {"info_hash": os.urandom(20)})):
        reply = node.query(live.to, method, **arguments)
        assert reply[b"ip"] == compact(node.host, node.port), (method, reply)


@with_weftd()
def replies_fit_an_ethernet_frame(live):
    key, asker = os.urandom(20), Node(answers=False)
    for last in range(2, 170):
        peer = Node(host=f"127.0.0.{last}", answers=False)
        token = peer.query(live.to, "get_peers", info_hash=key)[b"r"][b"token"]
        for port in range(1, 4):
            reply = peer.query(live.to, "announce_peer", info_hash=key, port=port, token=token)
            assert reply[b"y"] == b"r", reply
        peer.close()
    reply = asker.query(live.to, "get_peers", info_hash=key)
    assert len(reply[b"r"][b"values"]) >= 50, len(reply[b"r"][b"values"])
    assert asker.last_size <= 1472, asker.last_size


@with_weftd()
def an_announce_needs_its_token(live):
    node, other = Node(answers=False), Node(host="127.0.0.9", answers=False)
    key = os.urandom(20)
    token = node.query(live.to, "get_peers", info_hash=key)[b"r"][b"token"]
    for wrong in (b"", b"12345678", token[:-1] + bytes([token[-1] ^ 1])):
        reply = node.query(live.to, "announce_peer", info_hash=key, port=7, token=wrong)
        assert reply[b"e"][0] == 203, reply
    reply = other.query(live.to, "announce_peer", info_hash=key, port=7, token=token)
    assert reply[b"e"][0] == 203, "a token of another address was taken"
    assert node.query(live.to, "announce_peer", info_hash=key, port=7, token=token)[b"y"] == b"r"
    reply = other.query(live.to, "get_peers", info_hash=key)
    assert reply[b"r"][b"values"] == [compact("127.0.0.1", 7)], reply


@with_weftd()
def a_flood_of_one_address_starves_no_other(live):
    flood, polite = Node(host="127.0.0.7", answers=False), Node(host="127.0.0.8", answers=False)
    packet = b"d1:ad2:id20:" + flood.id + b"e1:q4:ping1:t2:aa1:y1:qe"
    lost = 0
    for _ in range(40):
        for _ in range(250):
            flood.socket.sendto(packet, live.to)
        lost += polite.query(live.to, "ping", seconds=1.0) is None
    assert lost == 0, f"{lost} of 40 pings lost"


@with_weftd()
def a_read_only_asker_is_answered_and_not_kept(live):
    node = Node()
    node.send(live.to, {"t": "aa", "y": "q", "q": "ping", "ro": 1, "a": {"id": node.id}})
    assert node.receive(1.0, lambda m: m.get(b"t") == b"aa") is not None
    node.receive(2.0)
    assert live.contacts() == 0
    assert int(live.status()["candidates"]) == 0


@with_weftd()
def a_node_that_others_name_is_handed_out_only_after_it_answered(live):
    """A contact that answers names a dead node and a live one."""
    dead, alive, asker = Node(answers=False), Node(), Node(answers=False)
    names = Node(names=[dead, alive])
    assert names.query(live.to, "ping") is not None
    end = time.monotonic() + 8
    while time.monotonic() < end:
        names.receive(0.05)
        alive.receive(0.05)
        assert not handed_out(live, asker, dead)
        time.sleep(0.05)
    assert handed_out(live, asker, names)
    assert handed_out(live, asker, alive)
    assert live.contacts() == 2


@with_weftd()
def the_right_transaction_id_from_another_address_is_refused(live):
    node, spoofer, asker = Node(answers=False), Node(answers=False), Node(answers=False)
    assert node.query(live.to, "ping") is not None
    asked = node.receive(3.0, lambda m: m.get(b"y") == b"q")
    assert asked is not None, "it was not verified"
    spoofer.send(live.to, {"t": asked[b"t"], "y": "r", "r": {"id": node.id}})
    wait_until(lambda: live.status()["unsolicited"] == "1", 2, "the reply is counted")
    assert not handed_out(live, asker, node)
    node.send(live.to, {"t": asked[b"t"], "y": "r", "r": {"id": node.id}})
    wait_until(lambda: handed_out(live, asker, node), 2, "the node itself is believed")


@with_weftd()
def one_address_is_answered_up_to_its_burst_and_rate(live):
    """200 at once and 50 a second, the defaults; the rest is dropped silently."""
    flood = Node(host="127.0.0.7", answers=False)
    start = time.monotonic()
    for _ in range(1000):
        flood.send(live.to, {"t": "aa", "y": "q", "q": "ping", "a": {"id": flood.id}})
    wait_until(lambda: int(live.status()["received"]) >= 1000, 5, "all were received")
    most = 200 + 50 * (time.monotonic() - start) + 1
    status = live.status()
    answered, limited = int(status["answered"]), int(status["rate_limited"])
    assert 200 <= answered <= most, (answered, most)
    assert answered + limited == 1000, status
    replies = 0
    while flood.receive(0.5, lambda m: m.get(b"t") == b"aa") is not None:
        replies += 1
    assert replies == answered, (replies, answered)


@with_weftd(config="dht:\n  global_rate: 50\n  global_burst: 100\n")
def all_addresses_together_are_answered_up_to_the_global_rate(live):
    nodes = [Node(host=f"127.0.3.{i}", answers=False) for i in range(1, 31)]
    start = time.monotonic()
    for _ in range(10):
        for node in nodes:
            node.send(live.to, {"t": "aa", "y": "q", "q": "ping", "a": {"id": node.id}})
    wait_until(lambda: int(live.status()["received"]) >= 300, 5, "all were received")
    most = 100 + 50 * (time.monotonic() - start) + 1
    status = live.status()
    answered, limited = int(status["answered"]), int(status["rate_limited"])
    assert 100 <= answered <= most, (answered, most)
    assert answered + limited == 300, status
    wait_until(lambda: Node(answers=False).query(live.to, "ping", seconds=0.2) is not None, 5,
               "answers come again")


@with_weftd(config="dht:\n  read_only: true\n")
def a_read_only_weftd_asks_and_does_not_answer(live):
    node = Node(host="127.0.0.9")
    assert node.query(live.to, "ping", seconds=0.5) is None
    live.daemons.weftd("asks", "127.0.0.10", live.port, [f"127.0.0.9:{node.port}"],
                       ["--config", live.daemons.path("node.yaml")])
    asked = node.receive(3.0, lambda m: m.get(b"y") == b"q")
    assert asked is not None and asked[b"ro"] == 1, asked


@with_weftd(config="dht:\n  refuse_martians: true\n")
def martians_are_refused_where_they_are_to_be(live):
    node = Node()
    assert node.query(live.to, "ping", seconds=0.5) is None
    assert live.status()["received"] == "1"


@with_weftd()
def malformed_replies_are_not_answered(live):
    """Or two nodes could quarrel for ever. A malformed query is told once."""
    node = Node(answers=False)
    node.send(live.to, {"t": "aa", "y": "r", "r": {"id": b"short"}})
    node.send(live.to, {"t": "aa", "y": "e", "e": "no list"})
    node.send(live.to, b"d1:t2:aa1:y1:qe trailing")
    assert node.receive(0.5, lambda m: True) is None
    node.send(live.to, {"t": "ab", "y": "q", "q": "ping", "a": {"id": b"short"}})
    assert node.receive(1.0, lambda m: True)[b"e"][0] == 203
    assert node.receive(0.5, lambda m: True) is None
    assert live.status()["malformed"] == "4"


if __name__ == "__main__":
    sys.exit(run_tests([
        a_new_contact_is_verified_within_2_s, a_silent_asker_is_never_handed_out,
        a_node_that_others_name_is_handed_out_only_after_it_answered,
        unsolicited_replies_change_nothing,
        the_right_transaction_id_from_another_address_is_refused,
        an_unknown_method_is_answered_with_204, a_malformed_query_is_answered_with_203,
        malformed_replies_are_not_answered, every_reply_carries_the_address_it_saw,
        replies_fit_an_ethernet_frame, an_announce_needs_its_token,
        a_flood_of_one_address_starves_no_other,
        one_address_is_answered_up_to_its_burst_and_rate,
        all_addresses_together_are_answered_up_to_the_global_rate,
        a_read_only_asker_is_answered_and_not_kept, a_read_only_weftd_asks_and_does_not_answer,
        martians_are_refused_where_they_are_to_be, a_dead_contact_is_forgotten_within_60_s]))
