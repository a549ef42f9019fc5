"""Whole simulations: wall time, events per second, bytes per node, by population.

    sim_rates.py [--csv FILE] [population ...]      default 1000 10000
    sim_rates.py --threads POPULATION [--rounds N]
    sim_rates.py --growth FILE [most]               default 100000

--threads runs one simulation by turns with --threads 1 and 2, N rounds (default 3), compares the
hashes and tells the median of the ratios of wall time. In each round two processes also run the
same side by side on a thread each: twice the time of one alone by theirs is what two processors
give here to runs that share nothing but the machine, so a ratio of two threads is read beside it.

--csv adds a row for each run of the populations to FILE, which is made if it is not there: what
`weft plot FILE` draws (analysis/growth.h). A population that is given more than once is run so often.

--growth adds rows of 100, 1,000 ... up to `most` nodes to FILE, each run a process of its own:
messages between nodes that do nothing, Kademlia's short run, join-and-look-up; then it draws FILE
as a picture in SVG and one in PNG, in a folder beside it that has its name."""
import argparse
import csv
import json
import os
import statistics
import subprocess

SOURCE = os.environ.get("WEFT_SOURCE", os.getcwd())
WEFT = os.path.join(os.environ.get("WEFT_BIN", os.path.join(SOURCE, "build/bin")), "weft")
BENCH = os.path.join(os.path.dirname(os.path.dirname(WEFT)), "bench")
COLUMNS = ["scenario", "nodes", "events", "wall_s", "bytes", "hash", "build"]
BIG = "scale/join-and-look-up.yaml"


def start(scenario, population, *options):
    command = [WEFT, "run", os.path.join(SOURCE, "scenarios", scenario), "--json", "--set",
               f"population={population}", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process):
    page, errors = process.communicate()
    if process.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(process.args)}: {errors}")
    return json.loads(page)


def run(scenario, population, *options):
    return finish(start(scenario, population, *options))


def add_row(path, row):
    """A row of values by column; those that are not known are empty."""
    new = not os.path.exists(path)
    with open(path, "a", encoding="utf-8", newline="") as file:
        rows = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if new:
            rows.writeheader()
        rows.writerow(row)


def row_of(scenario, page):
    name = os.path.splitext(os.path.basename(scenario))[0]
    return {"scenario": name, "nodes": page["nodes"], "events": page["events"],
            "wall_s": f"{page['wall_s']:.6f}", "bytes": page["peak_rss_bytes"],
            "hash": page["hash"], "build": build()}


def build():
    return subprocess.run([WEFT, "--version"], capture_output=True, text=True,
                          check=True).stdout.strip()


def bench_row(program, *words):
    """The row of a benchmark which prints CSV."""
    result = subprocess.run([os.path.join(BENCH, program), *words], stdout=subprocess.PIPE,
                            text=True, check=True)
    row, = csv.DictReader(result.stdout.splitlines())
    return {**row, "build": build()}


def growth(path, most):
    nodes = 100
    while nodes <= most:
        for row in (bench_row("bench_message", "--csv", str(nodes)),
                    bench_row("bench_kademlia", "csv", "short", "alpha=3", str(nodes)),
                    row_of(BIG, run(BIG, nodes))):
            add_row(path, row)
            each, size = float(row["wall_s"]) / int(row["events"]), int(row["bytes"]) / nodes
            print(f"growth '{row['scenario']}' nodes={nodes} ns/event={each * 1e9:.0f} "
                  f"bytes/node={size:.0f}", flush=True)
        nodes *= 10
    folder = os.path.splitext(path)[0]
    for form in ("svg", "png"):
        subprocess.run([WEFT, "plot", path, "--format", form, "-o", folder], check=True)


def side_by_side(scenario, population):
    """Seconds that two processes with the same run take beside each other, on a thread each."""
    both = [start(scenario, population, "--threads", "1") for _ in range(2)]
    return statistics.mean(finish(process)["wall_s"] for process in both)


def on_threads(scenario, population, rounds):
    ratios, ceilings = [], []
    for _ in range(rounds):
        pages = [run(scenario, population, "--threads", threads) for threads in ("1", "2")]
        if pages[0]["hash"] != pages[1]["hash"]:
            raise SystemExit("sim: two threads gave another hash than one")
        one, two = pages[0]["wall_s"], pages[1]["wall_s"]
        print(f"sim {scenario} nodes={population} one_thread_s={one:.2f} two_threads_s={two:.2f} "
              f"ratio={one / two:.2f}", flush=True)
        beside = side_by_side(scenario, population)
        print(f"sim {scenario} nodes={population} alone_s={one:.2f} side_by_side_s={beside:.2f} "
              f"ceiling={2 * one / beside:.2f}", flush=True)
        ratios.append(one / two)
        ceilings.append(2 * one / beside)
    print(f"sim {scenario} nodes={population} median_ratio={statistics.median(ratios):.2f} "
          f"median_ceiling={statistics.median(ceilings):.2f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--csv")
    parser.add_argument("populations", nargs="*")
    parser.add_argument("--threads", metavar="POPULATION")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--growth", metavar="FILE")
    wanted = parser.parse_args()
    if wanted.threads is not None:
        on_threads(BIG, wanted.threads, wanted.rounds)
        return
    if wanted.growth is not None:
        growth(wanted.growth, int((wanted.populations or ["100000"])[0]))
        return
    sizes_wanted = wanted.populations or ["1000", "10000"]
    for scenario, sizes in (("first-partition.yaml", ["1000"]),
                            ("scale/five-idle.yaml", ["5"]),
                            (BIG, sizes_wanted)):
        for population in sizes:
            page = run(scenario, population)
            print(f"sim {scenario} nodes={page['nodes']} virtual_s={page['virtual_s']:.0f} "
                  f"wall_s={page['wall_s']:.2f} events={page['events']} "
                  f"events/s={page['events'] / page['wall_s']:.0f} "
                  f"virtual/s={page['virtual_s'] / page['wall_s']:.0f} "
                  f"bytes/node={page['peak_rss_bytes'] / page['nodes']:.0f} "
                  f"verdict={page['verdict']} hash={page['hash']}", flush=True)
            if wanted.csv and scenario == BIG:
                add_row(wanted.csv, row_of(scenario, page))


main()
