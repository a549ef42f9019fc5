"""weftd among independent DHT implementations: libtorrent, transmission and aria2, from Debian.

In a network namespace of its own (transmission's DHT refuses 127.0.0.0/8) with weftd as the only
bootstrap: each peer joins, announces and finds peers through weftd, and weftd through them. No
tracker, no peer exchange, no local discovery: a download that completes found its peer in the DHT.
tshark's bt-dht dissector reads every packet. Needs root for the namespace; skipped without.
"""
import hashlib
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.environ.get("WEFT_SOURCE", os.getcwd()), "tests/harness"))
from daemons import SOURCE, Daemons, run_tests, skip, wait_until  # noqa: E402
from krpc import encode  # noqa: E402

SPACE = f"weft{os.getpid()}"
V4, V6 = "10.77.0.{}", "fd77::{}"
WEFTD = [V4.format(i) for i in (1, 2, 3)]
PORT = 6881
TOOLS = ["transmission-daemon", "aria2c", "tshark", "ip", "dumpcap"]


def missing_tools():
    return [tool for tool in TOOLS
            if not any(os.access(os.path.join(folder, tool), os.X_OK)
                       for folder in os.environ["PATH"].split(":") + ["/usr/sbin", "/sbin"])]


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def open_space():
    ip("netns", "add", SPACE)
    ip("-n", SPACE, "link", "set", "lo", "up")
    for i in range(1, 12):
        ip("-n", SPACE, "addr", "add", V4.format(i) + "/24", "dev", "lo")
        ip("-n", SPACE, "addr", "add", V6.format(i) + "/64", "dev", "lo")


class Libtorrent:
    """tests/interop/libtorrent_peer.py in the namespace."""

    def __init__(self, daemons, name, listen, bootstrap):
        self.errors = open(daemons.path(name + ".log"), "wb")
        self.process = subprocess.Popen(
            daemons.prefix + ["/usr/bin/python3",
                              os.path.join(SOURCE, "tests/interop/libtorrent_peer.py"), listen,
                              bootstrap],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True)
        daemons.processes[name] = self.process

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()


def make_torrent(folder):
    """A file of 200 kB and its torrent without tracker. (torrent path, info-hash)"""
    data = os.urandom(200000)
    with open(os.path.join(folder, "payload"), "wb") as file:
        file.write(data)
    pieces = b"".join(hashlib.sha1(data[i:i + 16384]).digest() for i in range(0, len(data), 16384))
    info = {"name": "payload", "length": len(data), "piece length": 16384, "pieces": pieces}
    path = os.path.join(folder, "payload.torrent")
    with open(path, "wb") as file:
        file.write(encode({"info": info}))
    return path, hashlib.sha1(encode(info)).hexdigest()


class Stage:
    """The namespace with three weftd, a capture, and a libtorrent seed."""

    def __init__(self):
        open_space()
        self.daemons = Daemons(["ip", "netns", "exec", SPACE])
        self.capture = self.daemons.path("all.pcapng")
        self.daemons.start("capture", ["dumpcap", "-q", "-i", "lo", "-f", "udp", "-w", self.capture])
        wait_until(lambda: os.path.exists(self.capture), 10, "the capture starts")
        for i, host in enumerate(WEFTD):
            v6 = V6.format(i + 1)
            boot = [] if i == 0 else [f"{WEFTD[0]}:{PORT}", f"[{V6.format(1)}]:{PORT}"]
            self.daemons.weftd(f"weftd{i}", [host, v6], PORT, boot)
        self.boot = f"{WEFTD[0]}:{PORT}"
        self.seed_folder = self.daemons.path("seed")
        os.mkdir(self.seed_folder)
        self.torrent, self.key = make_torrent(self.seed_folder)

    def close(self):
        self.daemons.__exit__()
        subprocess.run(["ip", "netns", "del", SPACE], check=False)


stage = None


def weftd_nodes_find_one_another_over_both_families():
    for i in range(3):
        wait_until(lambda i=i: stage.daemons.status(f"weftd{i}")["contacts4"] == "2"
                   and stage.daemons.status(f"weftd{i}")["contacts6"] == "2", 20,
                   f"weftd{i} knows the others over IPv4 and IPv6")


def libtorrent_joins_through_weftd():
    listen = f"{V4.format(4)}:7004,[{V6.format(4)}]:7004"
    stage.seed = Libtorrent(stage.daemons, "seed", listen, stage.boot)
    wait_until(lambda: int(stage.seed.ask("nodes").split()[1]) >= 3, 30,
               "libtorrent has the three weftd in its table")
    assert stage.seed.ask(f"seed {stage.torrent} {stage.seed_folder}") == "ok"


def weftd_finds_what_libtorrent_announces():
    wait_until(lambda: f"{V4.format(4)}:7004" in
               stage.daemons.ask("weftd2", "dht", "peers", stage.key), 40,
               "weftd finds the seed")


def libtorrent_finds_what_weftd_announces():
    key = hashlib.sha1(b"announced by weftd").hexdigest()
    assert "stored" in stage.daemons.ask("weftd1", "dht", "announce", key, "4242")
    peers = stage.seed.ask(f"peers {key}")
    assert f"{WEFTD[1]}:4242" in peers, peers


def an_item_of_weftd_is_found_by_another_through_peers():
    key = stage.daemons.ask("weftd0", "dht", "put", "kept by all").split()[1]
    assert stage.daemons.ask("weftd2", "dht", "get", key) == "kept by all\n"


def libtorrent_downloads_over_the_dht_alone():
    folder = stage.daemons.path("leech")
    os.mkdir(folder)
    leech = Libtorrent(stage.daemons, "leech", f"{V4.format(5)}:7005", stage.boot)
    assert leech.ask(f"magnet magnet:?xt=urn:btih:{stage.key} {folder}") == "ok"
    wait_until(lambda: leech.ask("progress") == "progress 1.000", 60, "libtorrent has the file")


def transmission_downloads_over_the_dht_alone():
    config = stage.daemons.path("transmission")
    os.mkdir(config)
    settings = {"bind-address-ipv4": V4.format(6), "bind-address-ipv6": V6.format(6),
                "dht-enabled": True, "lpd-enabled": False, "pex-enabled": False,
                "utp-enabled": True, "port-forwarding-enabled": False, "peer-port": 7006,
                "rpc-bind-address": V4.format(6), "rpc-port": 9091,
                "rpc-whitelist-enabled": False, "rpc-host-whitelist-enabled": False,
                "rpc-authentication-required": False,
                "download-dir": os.path.join(config, "files"), "message-level": 3}
    with open(os.path.join(config, "settings.json"), "w", encoding="utf-8") as file:
        json.dump(settings, file)
    with open(os.path.join(config, "dht.bootstrap"), "w", encoding="utf-8") as file:
        file.write("".join(f"{host} {PORT}\n" for host in WEFTD))
    stage.daemons.start("transmission", ["transmission-daemon", "-f", "-g", config])
    rpc = Transmission(stage.daemons)
    wait_until(rpc.up, 15, "transmission answers")
    rpc.call("torrent-add", filename=f"magnet:?xt=urn:btih:{stage.key}")
    wait_until(lambda: rpc.done(), 150, "transmission has the file")
    assert rpc.torrent()["peersFrom"]["fromDht"] >= 1 or rpc.done()


class Transmission:
    """Its RPC, from inside the namespace."""

    def __init__(self, daemons):
        self.daemons = daemons

    def call(self, method, **arguments):
        script = ("import json,sys,urllib.request,urllib.error\n"
                  "u='http://%s:9091/transmission/rpc'\n"
                  "d=sys.argv[1].encode()\n"
                  "h={}\n"
                  "for _ in range(2):\n"
                  "    try:\n"
                  "        print(urllib.request.urlopen(urllib.request.Request(u,d,h),timeout=5)"
                  ".read().decode()); break\n"
                  "    except urllib.error.HTTPError as e:\n"
                  "        h={'X-Transmission-Session-Id':e.headers['X-Transmission-Session-Id']}\n"
                  % V4.format(6))
        result = subprocess.run(self.daemons.prefix + [sys.executable, "-c", script, json.dumps(
            {"method": method, "arguments": arguments})], capture_output=True, text=True,
            timeout=20, check=False)
        if result.returncode != 0 or not result.stdout:
            raise AssertionError(f"transmission: {method}: {result.stderr[-300:]}")
        return json.loads(result.stdout)["arguments"]

    def up(self):
        try:
            self.call("session-get")
            return True
        except AssertionError:
            return False

    def torrent(self):
        return self.call("torrent-get", fields=["percentDone", "peersFrom", "metadataPercentComplete"])[
            "torrents"][0]

    def done(self):
        torrent = self.torrent()
        return torrent["metadataPercentComplete"] == 1 and torrent["percentDone"] == 1


def aria2_downloads_over_the_dht_alone():
    folder = stage.daemons.path("aria2")
    os.mkdir(folder)
    process = stage.daemons.start("aria2", [
        "aria2c", "--no-conf", "--dir", folder, "--enable-dht=true",
        f"--dht-entry-point={WEFTD[1]}:{PORT}", "--dht-listen-port=7007", "--listen-port=7007",
        f"--dht-file-path={folder}/dht.dat", "--enable-dht6=false", "--bt-enable-lpd=false",
        "--enable-peer-exchange=false", "--seed-time=0", "--bt-stop-timeout=120",
        "--disable-ipv6=true", f"--interface={V4.format(7)}", "--bt-metadata-only=false",
        f"magnet:?xt=urn:btih:{stage.key}"])
    assert process.wait(150) == 0, stage.daemons.log("aria2")[-600:]
    assert os.path.getsize(os.path.join(folder, "payload")) == 200000


def every_peer_is_in_the_tables_of_weftd():
    table = "".join(stage.daemons.ask(f"weftd{i}", "table") for i in range(3))
    for host, port in ((V4.format(4), 7004), (V4.format(6), 7006)):
        assert f"{host}:{port}" in table, (host, table)


def every_packet_of_weftd_is_read_by_wireshark():
    time.sleep(1)
    stage.daemons.stop("capture")
    wrong = tshark("udp.port==6881 && (_ws.malformed || _ws.expert.severity >= 6291456)")
    assert not wrong, wrong[:800]
    ours = " || ".join(f"ip.src=={host}" for host in WEFTD)
    ours += " || " + " || ".join(f"ipv6.src=={V6.format(i)}" for i in (1, 2, 3))
    sent = tshark(f"udp.srcport==6881 && ({ours})").splitlines()
    assert len(sent) > 200, f"only {len(sent)} packets of weftd were captured"
    strange = [line for line in sent if "BT-DHT" not in line]
    assert not strange, strange[:5]
    big = tshark(f"udp.srcport==6881 && ({ours}) && udp.length > 1480")
    assert not big, big[:300]


def tshark(show):
    result = subprocess.run(["tshark", "-r", stage.capture, "-d", "udp.port==6881,bt-dht", "-Y",
                             show], capture_output=True, text=True, timeout=120, check=False)
    if result.returncode != 0:
        raise AssertionError(f"tshark: {result.stderr[-400:]}")
    return result.stdout


def main():
    global stage
    if os.geteuid() != 0:
        skip("a network namespace needs root")
    if missing_tools():
        skip("not installed: " + ", ".join(missing_tools()))
    stage = Stage()
    try:
        return run_tests([
            weftd_nodes_find_one_another_over_both_families, libtorrent_joins_through_weftd,
            weftd_finds_what_libtorrent_announces, libtorrent_finds_what_weftd_announces,
            an_item_of_weftd_is_found_by_another_through_peers,
            libtorrent_downloads_over_the_dht_alone, transmission_downloads_over_the_dht_alone,
            aria2_downloads_over_the_dht_alone, every_peer_is_in_the_tables_of_weftd,
            every_packet_of_weftd_is_read_by_wireshark])
    finally:
        stage.close()


sys.exit(main())
