"""find_node answers per second of one node on loopback: weftd, and libtorrent in the same run.

Rows go to standard output; docs/benchmarks.md keeps them."""
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.environ.get("WEFT_SOURCE", os.getcwd()), "tests/harness"))
from daemons import BIN, SOURCE, Daemons, wait_until  # noqa: E402

LOAD = os.path.join(os.path.dirname(BIN), "bench/bench_dht")
PORT, PEER_PORT, OTHERS = 23881, 23980, 12
SECONDS, WINDOW, ROUNDS = "3", "64", 3

OPEN_RATES = """dht:
  source_rate: 1000000
  source_burst: 1000000
"""


def load(port, method):
    line = subprocess.run([LOAD, str(port), method, SECONDS, WINDOW], capture_output=True, text=True,
                          check=True).stdout
    return {key: float(value) for key, value in re.findall(r"(\S+)=([\d.]+)", line)}


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))


def median(rows, key):
    return sorted(row[key] for row in rows)[len(rows) // 2]


def start_others(daemons):
    for i in range(1, OTHERS + 1):
        daemons.weftd(f"other{i}", "127.0.0.1", PORT + i, [f"127.0.0.1:{PORT}"])


def measure(name, port, method, rss):
    rows = [load(port, method) for _ in range(ROUNDS)]
    print(f"dht {name} {method} answers/s={median(rows, 'answers/s'):.0f} "
          f"p50_us={median(rows, 'p50_us'):.0f} p99_us={median(rows, 'p99_us'):.0f} "
          f"nodes_bytes={median(rows, 'nodes_bytes'):.0f} rss_idle_kib={rss}", flush=True)
    return median(rows, "answers/s")


def main():
    with Daemons() as daemons:
        config = daemons.path("rates.yaml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(OPEN_RATES)
        process = daemons.weftd("node", "127.0.0.1", PORT, [], ["--config", config])
        time.sleep(1)
        rss = resident_kib(process.pid)
        start_others(daemons)
        wait_until(lambda: daemons.contacts("node") >= 8, 20, "the node has 8 contacts")
        peer = daemons.start("libtorrent", [
            "/usr/bin/python3", os.path.join(SOURCE, "tests/bench/libtorrent_dht.py"),
            str(PEER_PORT), f"127.0.0.1:{PORT + 1}"])
        wait_until(lambda: daemons.log("libtorrent").split()[-1:] not in ([], ["0"])
                   and int(daemons.log("libtorrent").split()[-1]) >= 8, 60,
                   "libtorrent has 8 contacts")
        peer_rss = resident_kib(peer.pid)
        for method in ("find_node", "ping", "get_peers"):
            ours = measure("weftd", PORT, method, rss)
            theirs = measure("libtorrent", PEER_PORT, method, peer_rss)
            print(f"dht ratio {method} {ours / theirs:.2f}", flush=True)


main()
