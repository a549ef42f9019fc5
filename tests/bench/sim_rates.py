"""Whole simulations: wall time, events per second, bytes per node, by population.

    sim_rates.py [--csv FILE] [population ...]      default 1000 10000
    sim_rates.py --threads POPULATION [--rounds N]

--threads runs one simulation by turns with --threads 1 and 2, N rounds (default 3), compares the
hashes and tells the median of the ratios of wall time.

--csv adds a row for each run of the populations to FILE, which is made if it is not there: what
`weft plot FILE` draws (analysis/growth.h). A population that is given more than once is run so often."""
import argparse
import csv
import json
import os
import statistics
import subprocess

SOURCE = os.environ.get("WEFT_SOURCE", os.getcwd())
WEFT = os.path.join(os.environ.get("WEFT_BIN", os.path.join(SOURCE, "build/bin")), "weft")
COLUMNS = ["scenario", "nodes", "events", "wall_s", "bytes", "hash", "build"]


def run(scenario, population, *options):
    command = [WEFT, "run", os.path.join(SOURCE, "scenarios", scenario), "--json", "--set",
               f"population={population}", *options]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(command)}: {result.stderr}")
    return json.loads(result.stdout)


def add_row(path, scenario, page, build):
    new = not os.path.exists(path)
    with open(path, "a", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        if new:
            rows.writerow(COLUMNS)
        name = os.path.splitext(os.path.basename(scenario))[0]
        rows.writerow([name, page["nodes"], page["events"], f"{page['wall_s']:.6f}",
                       page["peak_rss_bytes"], page["hash"], build])


def on_threads(scenario, population, rounds):
    ratios = []
    for _ in range(rounds):
        pages = [run(scenario, population, "--threads", threads) for threads in ("1", "2")]
        if pages[0]["hash"] != pages[1]["hash"]:
            raise SystemExit("sim: two threads gave another hash than one")
        one, two = pages[0]["wall_s"], pages[1]["wall_s"]
        print(f"sim {scenario} nodes={population} one_thread_s={one:.2f} two_threads_s={two:.2f} "
              f"ratio={one / two:.2f}", flush=True)
        ratios.append(one / two)
    print(f"sim {scenario} nodes={population} median_ratio={statistics.median(ratios):.2f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--csv")
    parser.add_argument("populations", nargs="*", default=["1000", "10000"])
    parser.add_argument("--threads", metavar="POPULATION")
    parser.add_argument("--rounds", type=int, default=3)
    wanted = parser.parse_args()
    if wanted.threads is not None:
        on_threads("scale/join-and-look-up.yaml", wanted.threads, wanted.rounds)
        return
    build = subprocess.run([WEFT, "--version"], capture_output=True, text=True,
                           check=True).stdout.strip()
    for scenario, sizes in (("first-partition.yaml", ["1000"]),
                            ("scale/five-idle.yaml", ["5"]),
                            ("scale/join-and-look-up.yaml", wanted.populations)):
        for population in sizes:
            page = run(scenario, population)
            print(f"sim {scenario} nodes={page['nodes']} virtual_s={page['virtual_s']:.0f} "
                  f"wall_s={page['wall_s']:.2f} events={page['events']} "
                  f"events/s={page['events'] / page['wall_s']:.0f} "
                  f"virtual/s={page['virtual_s'] / page['wall_s']:.0f} "
                  f"bytes/node={page['peak_rss_bytes'] / page['nodes']:.0f} "
                  f"verdict={page['verdict']} hash={page['hash']}", flush=True)
            if wanted.csv and sizes is wanted.populations:
                add_row(wanted.csv, scenario, page, build)


main()
