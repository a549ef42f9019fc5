"""A live weftd on loopback, asked by hand: BEP 5, BEP 32 and BEP 44 as other nodes speak them."""
import hashlib
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from live import with_weftd  # noqa: E402
from daemons import run_tests, wait_until  # noqa: E402
from krpc import Node, compact, encode  # noqa: E402

BOTH = ["127.0.0.1", "::1"]


def ask(node, to, method, **arguments):
    """The return values of a reply."""
    reply = node.query(to, method, **arguments)
    assert reply is not None and reply[b"y"] == b"r", reply
    return reply[b"r"]


def refused(node, to, method, **arguments):
    """The number of an error."""
    reply = node.query(to, method, **arguments)
    assert reply is not None and reply[b"y"] == b"e", reply
    return reply[b"e"][0]


def two_contacts(live):
    """A node over IPv4 and one over IPv6 that weftd has verified."""
    four, six = Node(), Node(host="::1")
    assert four.query(live.to, "ping") is not None
    assert six.query(live.to6, "ping") is not None
    wait_until(lambda: (four.receive(0.05), six.receive(0.05), live.contacts() == 2)[2], 5,
               "both are contacts")
    return (four.id + compact(four.host, four.port), six.id + compact(six.host, six.port))


@with_weftd(bind=BOTH)
def want_says_which_family_the_nodes_are_of(live):
    four, six = two_contacts(live)
    for host, to, family in (("127.0.0.5", live.to, "n4"), ("::1", live.to6, "n6")):
        asker = Node(host=host, answers=False, read_only=True)
        for method, argument in (("find_node", "target"), ("get_peers", "info_hash"),
                                 ("get", "target")):
            for want in ([], ["n4"], ["n6"], ["n4", "n6"]):
                arguments = {argument: os.urandom(20)}
                if want:
                    arguments["want"] = want
                reply = ask(asker, to, method, **arguments)
                expected = want or [family]
                assert reply.get(b"nodes") == (four if "n4" in expected else None), (want, reply)
                assert reply.get(b"nodes6") == (six if "n6" in expected else None), (want, reply)


@with_weftd(bind=BOTH)
def peers_are_of_the_family_they_are_asked_over(live):
    key = os.urandom(20)
    four, six = Node(answers=False, read_only=True), Node(host="::1", answers=False, read_only=True)
    for node, to in ((four, live.to), (six, live.to6)):
        token = ask(node, to, "get_peers", info_hash=key)[b"token"]
        ask(node, to, "announce_peer", info_hash=key, port=7, token=token)
    for node, to in ((four, live.to), (six, live.to6)):
        for want in (["n4"], ["n6"], ["n4", "n6"]):
            reply = ask(node, to, "get_peers", info_hash=key, want=want)
            assert reply[b"values"] == [compact(node.host, 7)], reply


@with_weftd(bind=BOTH)
def a_reply_over_ipv6_carries_the_address_it_saw(live):
    node = Node(host="::1", answers=False, read_only=True)
    assert node.query(live.to6, "ping")[b"ip"] == compact("::1", node.port)


@with_weftd()
def get_peers_returns_peers_and_nodes_and_a_token(live):
    contact = Node()
    assert contact.query(live.to, "ping") is not None
    wait_until(lambda: (contact.receive(0.05), live.contacts() == 1)[1], 5, "it is a contact")
    asker, key = Node(answers=False, read_only=True), os.urandom(20)
    nodes = contact.id + compact(contact.host, contact.port)
    empty = ask(asker, live.to, "get_peers", info_hash=key)
    assert empty[b"nodes"] == nodes and b"values" not in empty and empty[b"token"], empty
    ask(asker, live.to, "announce_peer", info_hash=key, port=7, token=empty[b"token"])
    full = ask(asker, live.to, "get_peers", info_hash=key)
    assert full[b"nodes"] == nodes and full[b"values"] == [compact("127.0.0.1", 7)], full
    assert full[b"token"] == empty[b"token"], "the token changed at once"


@with_weftd()
def an_announce_stores_the_port_it_names_or_implies(live):
    asker = Node(answers=False, read_only=True)
    cases = (({"port": 7}, 7), ({"port": 7, "implied_port": 0}, 7),
             ({"port": 7, "implied_port": 1}, asker.port), ({"implied_port": 1}, asker.port))
    for arguments, stored in cases:
        key = os.urandom(20)
        token = ask(asker, live.to, "get_peers", info_hash=key)[b"token"]
        ask(asker, live.to, "announce_peer", info_hash=key, token=token, **arguments)
        values = ask(asker, live.to, "get_peers", info_hash=key)[b"values"]
        assert values == [compact("127.0.0.1", stored)], (arguments, values)


@with_weftd()
def an_announce_of_no_port_is_refused(live):
    asker, key = Node(answers=False, read_only=True), os.urandom(20)
    token = ask(asker, live.to, "get_peers", info_hash=key)[b"token"]
    for arguments in ({"port": 0}, {"port": 65536}, {"port": -1}, {}):
        assert refused(asker, live.to, "announce_peer", info_hash=key, token=token,
                       **arguments) == 203, arguments
    assert b"values" not in ask(asker, live.to, "get_peers", info_hash=key)
    assert live.status()["values"] == "0"


@with_weftd()
def an_announce_repeated_is_stored_once(live):
    asker, key = Node(answers=False, read_only=True), os.urandom(20)
    token = ask(asker, live.to, "get_peers", info_hash=key)[b"token"]
    for _ in range(5):
        ask(asker, live.to, "announce_peer", info_hash=key, port=7, token=token)
    assert ask(asker, live.to, "get_peers", info_hash=key)[b"values"] == [compact("127.0.0.1", 7)]
    assert live.status()["values"] == "1"


@with_weftd()
def an_immutable_item_is_stored_under_the_hash_of_its_value(live):
    asker = Node(answers=False, read_only=True)
    for value in (b"Hello World!", 42, [b"a", 1, {"k": b"v"}], {"k": [1, 2]}, b"\0" * 995):
        key = hashlib.sha1(encode(value)).digest()
        nothing = ask(asker, live.to, "get", target=key)
        assert b"v" not in nothing, nothing
        ask(asker, live.to, "put", v=value, token=nothing[b"token"])
        found = ask(asker, live.to, "get", target=key)
        assert encode(found[b"v"]) == encode(value), found
    # the example of BEP 44
    key = bytes.fromhex("e5f96f6f38320f0f33959cb4d3d656452117aadb")
    assert ask(asker, live.to, "get", target=key)[b"v"] == b"Hello World!"


@with_weftd()
def an_item_is_refused_without_token_too_big_or_mutable(live):
    asker = Node(answers=False, read_only=True)
    token = ask(asker, live.to, "get", target=os.urandom(20))[b"token"]
    assert refused(asker, live.to, "put", v=b"x", token=b"wrong") == 203
    assert refused(asker, live.to, "put", v=b"x") == 203
    assert refused(asker, live.to, "put", token=token) == 203
    assert refused(asker, live.to, "put", v=b"x" * 997, token=token) == 205  # 1,001 bencoded
    assert refused(asker, live.to, "put", v=b"x", token=token, k=os.urandom(32),
                   sig=os.urandom(64), seq=1) == 204
    assert live.status()["keys"] == "0"


@with_weftd()
def a_transaction_id_of_any_length_comes_back(live):
    node = Node(answers=False, read_only=True)
    for size in (1, 2, 3, 4, 8, 16):
        tid = os.urandom(size)
        node.send(live.to, {"t": tid, "y": "q", "q": "ping", "ro": 1, "a": {"id": node.id}})
        reply = node.receive(2.0, lambda m: m[b"y"] == b"r")
        assert reply is not None and reply[b"t"] == tid, (size, reply)
        assert len(reply[b"v"]) == 4, reply


@with_weftd()
def unknown_keys_are_skipped(live):
    """libtorrent sends `bs`, `noseed` and `seed`; others will send what nobody knows yet."""
    node = Node(answers=False, read_only=True)
    reply = ask(node, live.to, "get_peers", info_hash=os.urandom(20), bs=1, noseed=1, scrape=1,
                zz=[{"a": [1]}])
    assert reply[b"token"]


if __name__ == "__main__":
    sys.exit(run_tests([
        want_says_which_family_the_nodes_are_of, peers_are_of_the_family_they_are_asked_over,
        a_reply_over_ipv6_carries_the_address_it_saw,
        get_peers_returns_peers_and_nodes_and_a_token,
        an_announce_stores_the_port_it_names_or_implies, an_announce_of_no_port_is_refused,
        an_announce_repeated_is_stored_once,
        an_immutable_item_is_stored_under_the_hash_of_its_value,
        an_item_is_refused_without_token_too_big_or_mutable,
        a_transaction_id_of_any_length_comes_back, unknown_keys_are_skipped]))
