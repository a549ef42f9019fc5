"""Whole simulations: wall time, events per second, bytes per node, by population.

    sim_rates.py [--csv FILE] [population ...]      default 1000 10000

--csv adds a row for each run of the populations to FILE, which is made if it is not there: what
`weft plot FILE` draws (analysis/growth.h). A population that is given more than once is run so often."""
import argparse
import csv
import json
import os
import subprocess

SOURCE = os.environ.get("WEFT_SOURCE", os.getcwd())
WEFT = os.path.join(os.environ.get("WEFT_BIN", os.path.join(SOURCE, "build/bin")), "weft")
COLUMNS = ["scenario", "nodes", "events", "wall_s", "bytes", "hash", "build"]


def run(scenario, population):
    command = [WEFT, "run", os.path.join(SOURCE, "scenarios", scenario), "--json", "--set",
               f"population={population}"]
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


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--csv")
    parser.add_argument("populations", nargs="*", default=["1000", "10000"])
    wanted = parser.parse_args()
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
