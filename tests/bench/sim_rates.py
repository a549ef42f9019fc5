"""Whole simulations: wall time, events per second, bytes per node, by population; five nodes that
do nothing; one simulation on one thread and on two.

    sim_rates.py [--csv FILE] [--threads POPULATION] [--rounds N] [population ...]

Populations: default 1000 10000. --csv: the same rows for `weft plot` (growth), added to FILE.
--threads: by turns with --threads 1 and 2, N rounds (default 3), the median of the ratios; the
hashes are compared. Then nothing else is run unless populations are given."""
import argparse
import json
import os
import statistics
import subprocess
import tempfile

SOURCE = os.environ.get("WEFT_SOURCE", os.getcwd())
WEFT = os.path.join(os.environ.get("WEFT_BIN", os.path.join(SOURCE, "build/bin")), "weft")
HEAD = "scenario,nodes,events,wall_s,bytes\n"
GROWS = "scale/join-and-look-up.yaml"
IDLE = """# Five nodes that know each other and are asked for nothing.
name: five-idle
population: 5
join: {from: seeds, seeds: 1, over: 1s}
network:
  delay: 20ms
checks:
  - no_leak
stop: 36000s
"""


def run(path, *options):
    command = [WEFT, "run", path, "--json", *options]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(command)}: {result.stderr}")
    return json.loads(result.stdout)


def shipped(scenario):
    return os.path.join(SOURCE, "scenarios", scenario)


def told(scenario, page, more=""):
    print(f"sim {scenario} nodes={page['nodes']}{more} virtual_s={page['virtual_s']:.0f} "
          f"wall_s={page['wall_s']:.2f} events={page['events']} "
          f"events/s={page['events'] / page['wall_s']:.0f} "
          f"bytes/node={page['peak_rss_bytes'] / page['nodes']:.0f} "
          f"virtual/wall={page['virtual_s'] / page['wall_s']:.0f} "
          f"verdict={page['verdict']} hash={page['hash']}", flush=True)


def keep(path, scenario, page):
    if path is None:
        return
    fresh = not os.path.exists(path) or os.path.getsize(path) == 0
    with open(path, "a", encoding="utf-8") as file:
        name = os.path.splitext(os.path.basename(scenario))[0]
        file.write((HEAD if fresh else "") + f"{name},{page['nodes']},{page['events']},"
                   f"{page['wall_s']:.6f},{page['peak_rss_bytes']}\n")


def idle():
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(IDLE)
        file.flush()
        told("five-idle", run(file.name))


def on_threads(population, rounds):
    ratios = []
    for _ in range(rounds):
        pages = []
        for threads in ("1", "2"):
            page = run(shipped(GROWS), "--set", f"population={population}", "--threads", threads)
            told(GROWS, page, f" threads={threads}")
            pages.append(page)
        if pages[0]["hash"] != pages[1]["hash"]:
            raise SystemExit("sim: two threads gave another hash than one")
        ratios.append(pages[0]["wall_s"] / pages[1]["wall_s"])
    print(f"sim {GROWS} nodes={population} two_threads={statistics.median(ratios):.2f} times as fast")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--csv")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("populations", nargs="*")
    wants = parser.parse_args()
    if wants.threads is not None:
        on_threads(wants.threads, wants.rounds)
        if not wants.populations:
            return
    else:
        idle()
        told("first-partition.yaml", run(shipped("first-partition.yaml")))
    for population in wants.populations or ["1000", "10000"]:
        page = run(shipped(GROWS), "--set", f"population={population}")
        told(GROWS, page)
        keep(wants.csv, GROWS, page)


main()
