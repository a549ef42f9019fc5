"""A network namespace with weftd nodes, and the independent implementations put beside them."""
import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.environ.get("WEFT_SOURCE", os.getcwd()), "tests/harness"))
from daemons import SOURCE, Daemons, wait_until  # noqa: E402
from krpc import encode  # noqa: E402

PYTHON = "/usr/bin/python3"  # Debian's, which has Debian's libtorrent
PORT = 6881
WEFTD_COUNT = 12  # transmission looks nothing up before it knows more than eight nodes
LISTEN = 7004     # of every peer, for BitTorrent and the DHT
SIZE = 200000
TOOLS = ["transmission-daemon", "aria2c", "tshark", "dumpcap", "ip"]


def v4(i):
    return f"10.77.0.{i}"


def v6(i):
    return f"fd77::{i:x}"


# Their addresses; weftd i has 1 + i.
SEED, LEECH, TRANSMISSION, ARIA2, NEWCOMER = 21, 22, 23, 24, 25


def missing():
    """What this needs and the machine lacks, in words; None if nothing."""
    if os.geteuid() != 0:
        return "a network namespace needs root"
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    tools = [tool for tool in TOOLS if shutil.which(tool, path=path) is None]
    if subprocess.run([PYTHON, "-c", "import libtorrent"], capture_output=True,
                      check=False).returncode != 0:
        tools.append("python3-libtorrent")
    if tools:
        return "not installed: " + ", ".join(tools)
    probe = subprocess.run(["ip", "netns", "add", f"weft-probe{os.getpid()}"], capture_output=True,
                           text=True, check=False)
    if probe.returncode != 0:
        return f"no network namespace can be made here: {probe.stderr.strip()}"
    subprocess.run(["ip", "netns", "del", f"weft-probe{os.getpid()}"], check=True)
    return None


class Space:
    """A network namespace; its `lo` carries the addresses of everybody."""

    def __init__(self):
        self.name = f"weft{os.getpid()}"
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        lines = ["link set lo up"]
        for i in [*range(1, 1 + WEFTD_COUNT), SEED, LEECH, TRANSMISSION, ARIA2, NEWCOMER]:
            lines += [f"addr add {v4(i)}/24 dev lo", f"addr add {v6(i)}/64 dev lo"]
        subprocess.run(["ip", "-n", self.name, "-batch", "-"], input="\n".join(lines) + "\n",
                       text=True, check=True)

    def close(self):
        subprocess.run(["ip", "netns", "del", self.name], check=False)


class Torrent:
    """A file of random bytes and its torrent, without tracker."""

    def __init__(self, folder, name):
        data = os.urandom(SIZE)
        with open(os.path.join(folder, name), "wb") as file:
            file.write(data)
        pieces = b"".join(hashlib.sha1(data[i:i + 16384]).digest() for i in range(0, SIZE, 16384))
        info = {"name": name, "length": SIZE, "piece length": 16384, "pieces": pieces}
        self.name, self.folder, self.data = name, folder, data
        self.path = os.path.join(folder, name + ".torrent")
        self.key = hashlib.sha1(encode(info)).hexdigest()
        self.magnet = f"magnet:?xt=urn:btih:{self.key}"
        with open(self.path, "wb") as file:
            file.write(encode({"info": info}))

    def is_whole_in(self, folder):
        path = os.path.join(folder, self.name)
        if not os.path.exists(path) or os.path.getsize(path) != SIZE:
            return False
        with open(path, "rb") as file:
            return file.read() == self.data


class Libtorrent:
    """tests/interop/libtorrent_peer.py in the namespace."""

    def __init__(self, daemons, name, listen, bootstrap=""):
        self.name, self.daemons = name, daemons
        with open(daemons.path(name + ".log"), "wb") as errors:
            self.process = subprocess.Popen(
                daemons.prefix + [PYTHON, os.path.join(SOURCE, "tests/interop/libtorrent_peer.py"),
                                  listen, bootstrap],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True)
        daemons.processes[name] = self.process

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if not answer:
            raise AssertionError(f"{self.name} ended: {self.daemons.log(self.name)[-600:]}")
        return answer

    def table(self):
        return self.ask("table").split()[1:]


class Transmission:
    """transmission-daemon, and its RPC from inside the namespace."""

    SCRIPT = """
import sys, urllib.request, urllib.error
headers = {}
for _ in range(2):
    try:
        request = urllib.request.Request(sys.argv[1], sys.argv[2].encode(), headers)
        print(urllib.request.urlopen(request, timeout=5).read().decode())
        break
    except urllib.error.HTTPError as error:
        headers = {"X-Transmission-Session-Id": error.headers["X-Transmission-Session-Id"]}
"""

    def __init__(self, daemons, bootstrap):
        self.daemons, host = daemons, v4(TRANSMISSION)
        self.url = f"http://{host}:9091/transmission/rpc"
        folder = daemons.path("transmission")
        self.files = os.path.join(folder, "files")
        os.makedirs(self.files)
        settings = {
            "bind-address-ipv4": host, "bind-address-ipv6": v6(TRANSMISSION), "dht-enabled": True,
            "lpd-enabled": False, "pex-enabled": False, "utp-enabled": False,
            "port-forwarding-enabled": False,
            "peer-port": LISTEN, "rpc-bind-address": host, "rpc-port": 9091,
            "rpc-whitelist-enabled": False, "rpc-host-whitelist-enabled": False,
            "rpc-authentication-required": False, "download-dir": self.files}
        with open(os.path.join(folder, "settings.json"), "w", encoding="utf-8") as file:
            json.dump(settings, file)
        with open(os.path.join(folder, "dht.bootstrap"), "w", encoding="utf-8") as file:
            file.write("".join(f"{host} {PORT}\n" for host in bootstrap))
        daemons.start("transmission", ["transmission-daemon", "-f", "-g", folder])
        wait_until(self.up, 30, "transmission answers")

    def call(self, method, **arguments):
        result = subprocess.run(
            self.daemons.prefix + [PYTHON, "-c", self.SCRIPT, self.url,
                                   json.dumps({"method": method, "arguments": arguments})],
            capture_output=True, text=True, timeout=30, check=False)
        if result.returncode != 0 or not result.stdout:
            raise AssertionError(f"transmission: {method}: {result.stderr[-300:]}")
        return json.loads(result.stdout)["arguments"]

    def add(self, torrent):
        """By its file: a magnet link's torrent is started anew when its metadata comes, and then
        every try to announce ends the search of the one before."""
        with open(torrent.path, "rb") as file:
            self.call("torrent-add", metainfo=base64.b64encode(file.read()).decode())

    def up(self):
        try:
            self.call("session-get")
            return True
        except AssertionError:
            return False


def aria2(daemons, bootstrap, magnets):
    """aria2c in the namespace, until it is ended. The folder of its files."""
    folder = daemons.path("aria2")
    os.mkdir(folder)
    daemons.start("aria2", [
        "aria2c", "--no-conf", "--dir", folder, "--enable-dht=true", "--enable-dht6=false",
        f"--dht-entry-point={bootstrap}:{PORT}", f"--dht-listen-port={LISTEN}",
        f"--listen-port={LISTEN}", f"--dht-file-path={folder}/dht.dat", "--bt-enable-lpd=false",
        "--enable-peer-exchange=false", "--seed-time=60", "--seed-ratio=0", "--disable-ipv6=true",
        f"--interface={v4(ARIA2)}", *magnets])
    return folder


class Stage:
    """The namespace, twelve weftd with the first as bootstrap of all, and a capture of it all."""

    def __init__(self):
        self.space = Space()
        self.daemons = Daemons(["ip", "netns", "exec", self.space.name])
        try:
            self.fill()
        except BaseException:
            self.close()
            raise

    def fill(self):
        self.capture = self.daemons.path("all.pcapng")
        self.daemons.start("capture", ["dumpcap", "-q", "-B", "32", "-i", "lo", "-f", "udp", "-w",
                                       self.capture])
        wait_until(lambda: os.path.exists(self.capture), 20, "the capture starts")
        for i in range(WEFTD_COUNT):
            boot = [] if i == 0 else [f"{v4(1)}:{PORT}", f"[{v6(1)}]:{PORT}"]
            self.daemons.weftd(f"weftd{i}", [v4(1 + i), v6(1 + i)], PORT, boot)
        self.boot = f"{v4(1)}:{PORT}"
        self.folder = self.daemons.path("seed")
        os.mkdir(self.folder)

    def torrent(self, name):
        return Torrent(self.folder, name)

    def peers(self, node, key):
        """What weftd finds under a key: a list of HOST:PORT, empty if nobody announced it. Slow,
        because it is polled: libtorrent bans who asks it more than 50 times in 10 s."""
        time.sleep(0.5)
        try:
            return self.daemons.ask(node, "dht", "peers", key).split()
        except AssertionError as refused:
            if "NOT_FOUND" in str(refused):
                return []
            raise

    def table(self, node):
        """The verified contacts in the table of a weftd."""
        return [line.split()[2] for line in self.daemons.ask(node, "table").splitlines()
                if line.split()[3] == "verified"]

    def close(self):
        self.daemons.__exit__()
        self.space.close()
