"""weftd among independent DHT implementations: libtorrent, transmission and aria2, from Debian.

In a network namespace of its own (transmission's DHT refuses 127.0.0.0/8) with weftd as the only
bootstrap: each peer joins, announces and finds peers through weftd, and weftd through them. No
tracker, no peer exchange, no local discovery, and who seeds connects to nobody: a download that
completes found its peer in the DHT. tshark's bt-dht dissector reads every packet. Needs root for
the namespace; skipped without.
"""
import collections
import hashlib
import os
import re
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from stage import (ARIA2, LEECH, LISTEN, NEWCOMER, PORT, SEED, TRANSMISSION,  # noqa: E402
                   WEFTD_COUNT, Libtorrent, Stage, Transmission, aria2, missing, v4, v6)
from daemons import run_tests, skip, wait_until  # noqa: E402

NODES = [f"weftd{i}" for i in range(WEFTD_COUNT)]
stage = None


def weftd_nodes_find_one_another_over_both_families():
    for node in NODES:
        wait_until(lambda node=node: all(int(stage.daemons.status(node)[key]) >= 8
                                         for key in ("contacts4", "contacts6")), 60,
                   f"{node} knows eight others over IPv4 and eight over IPv6")


def libtorrent_joins_through_weftd_over_both_families():
    listen = f"{v4(SEED)}:{LISTEN},[{v6(SEED)}]:{LISTEN}"
    stage.seed = Libtorrent(stage.daemons, "seed", listen, stage.boot)

    def known():
        table = stage.seed.table()
        return (sum(f"{v4(1 + i)}:{PORT}" in table for i in range(WEFTD_COUNT)),
                sum(f"[{v6(1 + i)}]:{PORT}" in table for i in range(WEFTD_COUNT)))
    wait_until(lambda: min(known()) >= 8, 60,
               "libtorrent has eight weftd in its table over IPv4 and eight over IPv6")


def in_the_tables_of_weftd(address):
    wait_until(lambda: any(address in stage.table(node) for node in NODES), 60,
               f"{address} is a verified contact of a weftd")


def weftd_keeps_libtorrent_in_the_tables_of_both_families():
    in_the_tables_of_weftd(f"{v4(SEED)}:{LISTEN}")
    in_the_tables_of_weftd(f"[{v6(SEED)}]:{LISTEN}")


def weftd_finds_what_libtorrent_announces():
    """Torrents it seeds, over IPv4 and IPv6."""
    stage.torrents = {name: stage.torrent(name) for name in ("libtorrent", "transmission", "aria2")}
    for torrent in stage.torrents.values():
        assert stage.seed.ask(f"seed {torrent.path} {torrent.folder}") == "ok"
    for torrent in stage.torrents.values():
        for address in (f"{v4(SEED)}:{LISTEN}", f"[{v6(SEED)}]:{LISTEN}"):
            wait_until(lambda t=torrent, a=address: a in stage.peers("weftd2", t.key), 60,
                       f"weftd finds {address} as a peer of {torrent.name}")


def libtorrent_finds_what_weftd_announces():
    key = hashlib.sha1(b"announced by weftd").hexdigest()
    assert "stored" in stage.daemons.ask("weftd1", "dht", "announce", key, "4242")
    wanted = {f"{v4(2)}:4242", f"[{v6(2)}]:4242"}
    wait_until(lambda: wanted <= set(stage.seed.ask(f"peers {key}").split()), 30,
               f"libtorrent finds {wanted}")


def items_pass_between_weftd_and_libtorrent():
    key = stage.daemons.ask("weftd0", "dht", "put", "kept_by_weftd").split()[1]
    assert stage.daemons.ask("weftd2", "dht", "get", key) == "kept_by_weftd\n"
    assert stage.seed.ask(f"get {key}") == "item kept_by_weftd"
    key = stage.seed.ask("put kept_by_libtorrent").split()[1]
    assert stage.daemons.ask("weftd2", "dht", "get", key) == "kept_by_libtorrent\n"


def the_others_start():
    """A torrent that only weftd announces, its seed without DHT at weftd's address; and the peers
    that join meanwhile, because their DHT is slow."""
    stage.held = stage.torrent("held")
    holder = Libtorrent(stage.daemons, "holder", f"{v4(1)}:{LISTEN}")
    assert holder.ask(f"seed {stage.held.path} {stage.folder}") == "ok"
    assert "stored" in stage.daemons.ask("weftd0", "dht", "announce", stage.held.key, str(LISTEN))
    stage.transmission = Transmission(stage.daemons, [v4(1 + i) for i in range(WEFTD_COUNT)])
    for torrent in (stage.torrents["transmission"], stage.held):
        stage.transmission.add(torrent)
    stage.aria2_folder = aria2(stage.daemons, v4(2), [stage.torrents["aria2"].magnet,
                                                      stage.held.magnet])


def libtorrent_downloads_over_the_dht_alone():
    """The torrent comes after the DHT is up: libtorrent may look up one that is there before only
    after its announce interval."""
    folder = stage.daemons.path("leech")
    os.mkdir(folder)
    leech = Libtorrent(stage.daemons, "leech", f"{v4(LEECH)}:{LISTEN}", stage.boot)
    wait_until(lambda: len(leech.table()) >= 8, 60, "libtorrent has eight nodes in its table")
    assert leech.ask(f"magnet {stage.torrents['libtorrent'].magnet} {folder}") == "ok"
    wait_until(lambda: stage.torrents["libtorrent"].is_whole_in(folder), 120,
               "libtorrent has the file")


def downloads(name, host, folder):
    """Both files are there, and weftd finds who has them now."""
    for torrent, who in ((stage.torrents[name], "libtorrent"), (stage.held, "weftd")):
        wait_until(lambda t=torrent: t.is_whole_in(folder), 200,
                   f"{name} has the file that {who} announced")
    wait_until(lambda: f"{v4(host)}:{LISTEN}" in stage.peers("weftd3", stage.torrents[name].key),
               120, f"weftd finds what {name} announces")
    in_the_tables_of_weftd(f"{v4(host)}:{LISTEN}")


def aria2_downloads_and_announces_over_the_dht_alone():
    downloads("aria2", ARIA2, stage.aria2_folder)


def transmission_downloads_and_announces_over_the_dht_alone():
    downloads("transmission", TRANSMISSION, stage.transmission.files)


def weftd_joins_and_finds_peers_through_each_of_them():
    for i, host in enumerate((SEED, TRANSMISSION, ARIA2)):
        name = f"newcomer{i}"
        stage.daemons.weftd(name, v4(NEWCOMER), PORT + i, [f"{v4(host)}:{LISTEN}"])
        wait_until(lambda name=name: stage.daemons.contacts(name) >= 5, 60,
                   f"a weftd that was told only of {v4(host)} knows five nodes")
        peers = stage.peers(name, stage.torrents["libtorrent"].key)
        assert f"{v4(SEED)}:{LISTEN}" in peers, peers


def tshark(show, *fields):
    """The packets a filter shows: a line each."""
    command = ["tshark", "-n", "-r", stage.capture, "-d", f"udp.port=={PORT}-{PORT + 2},bt-dht",
               "-Y", show]
    if fields:
        command += ["-T", "fields", *(word for field in fields for word in ("-e", field))]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if result.returncode != 0:
        raise AssertionError(f"tshark: {result.stderr[-400:]}")
    return result.stdout.splitlines()


def wireshark_reads_every_packet_without_an_error():
    stage.daemons.stop("capture")
    assert "/0 (pcap:0/" in stage.daemons.log("capture"), "the capture lost packets: " + \
        stage.daemons.log("capture")
    ports = f"{{{PORT}..{PORT + 2}}}"
    ours = f"udp.port in {ports}"
    assert len(tshark(f"{ours} && bt-dht")) > 1000, "few packets were captured"
    for what, wrong in (("not DHT", f"{ours} && !bt-dht"),
                        ("malformed", f"{ours} && (_ws.malformed || _ws.expert.severity >= 0x600000)")):
        lines = tshark(wrong)
        assert not lines, f"{what}: {lines[:3]}"
    # Replies to one peer that leave together are cut by the kernel (UDP_SEGMENT) behind the capture
    # on loopback: such a frame holds several, each of which must fit.
    for line in tshark(f"udp.srcport in {ports} && udp.length > 1480"):
        size = int(re.search(r"BT-DHT (\d+) ", line).group(1))
        assert line.count("reply=") > 1 and size <= 62 + 1472 * line.count("reply="), line


def weftd_stays_below_the_rate_that_libtorrent_bans():
    """More than 50 packets of an address in 10 s silence it for 5 minutes."""
    times = collections.defaultdict(collections.deque)
    asked = f"udp.srcport=={PORT} && udp.dstport=={LISTEN} && bt-dht.bencoded.string == \"q\""
    for line in tshark(asked, "frame.time_epoch", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst"):
        at, *pair = line.split("\t")
        window = times[tuple(pair)]
        window.append(float(at))
        while window[0] < window[-1] - 10:
            window.popleft()
        assert len(window) <= 50, f"{pair}: {len(window)} queries in 10 s"
    assert len(times) >= WEFTD_COUNT, "few queries of weftd to peers were captured"


def main():
    global stage
    if (why := missing()) is not None:
        skip(why)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that `finally` is reached
    stage = Stage()
    try:
        return run_tests([
            weftd_nodes_find_one_another_over_both_families,
            libtorrent_joins_through_weftd_over_both_families,
            weftd_keeps_libtorrent_in_the_tables_of_both_families,
            weftd_finds_what_libtorrent_announces, libtorrent_finds_what_weftd_announces,
            items_pass_between_weftd_and_libtorrent, the_others_start,
            libtorrent_downloads_over_the_dht_alone,
            aria2_downloads_and_announces_over_the_dht_alone,
            transmission_downloads_and_announces_over_the_dht_alone,
            weftd_joins_and_finds_peers_through_each_of_them,
            wireshark_reads_every_packet_without_an_error,
            weftd_stays_below_the_rate_that_libtorrent_bans])
    finally:
        stage.close()


if __name__ == "__main__":
    sys.exit(main())
