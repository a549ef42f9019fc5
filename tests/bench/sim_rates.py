"""Whole simulations: wall time, events per second, bytes per node, by population.

    sim_rates.py [population ...]      default 1000 10000"""
import json
import os
import subprocess
import sys

SOURCE = os.environ.get("WEFT_SOURCE", os.getcwd())
WEFT = os.path.join(os.environ.get("WEFT_BIN", os.path.join(SOURCE, "build/bin")), "weft")


def run(scenario, population):
    command = [WEFT, "run", os.path.join(SOURCE, "scenarios", scenario), "--json", "--set",
               f"population={population}"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(command)}: {result.stderr}")
    return json.loads(result.stdout)


def main():
    populations = sys.argv[1:] or ["1000", "10000"]
    for scenario, sizes in (("first-partition.yaml", ["1000"]),
                            ("scale/five-idle.yaml", ["5"]),
                            ("scale/join-and-look-up.yaml", populations)):
        for population in sizes:
            page = run(scenario, population)
            print(f"sim {scenario} nodes={page['nodes']} virtual_s={page['virtual_s']:.0f} "
                  f"wall_s={page['wall_s']:.2f} events={page['events']} "
                  f"events/s={page['events'] / page['wall_s']:.0f} "
                  f"virtual/s={page['virtual_s'] / page['wall_s']:.0f} "
                  f"bytes/node={page['peak_rss_bytes'] / page['nodes']:.0f} "
                  f"verdict={page['verdict']} hash={page['hash']}", flush=True)


main()
