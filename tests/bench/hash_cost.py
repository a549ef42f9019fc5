"""What the hash costs: the same with a build that folds nothing, by turns: messages between nodes that do
nothing, and the demo. Ratios of the processor's time, the median of them."""
import argparse
import json
import os
import re
import resource
import statistics
import subprocess

SOURCE = os.environ.get("WEFT_SOURCE", os.getcwd())
BUILD = os.path.join(SOURCE, "build")
WITHOUT = os.path.join(BUILD, "hashless")
SCENARIO = os.path.join(SOURCE, "scenarios/first-partition.yaml")


def build():
    subprocess.run(["cmake", "--preset", "release", "-B", WITHOUT, "-DWEFT_HASH=OFF"], check=True, cwd=SOURCE,
                   stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", WITHOUT, "--target", "weft", "bench_message", "--", "--quiet"], check=True)


def messages(folder, nodes):
    said = subprocess.run([os.path.join(folder, "bench/bench_message"), str(nodes)], check=True,
                          capture_output=True, text=True).stdout
    return float(re.search(r"ns/message=([0-9.]+)", said)[1])


def demo(folder):
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    page = subprocess.run([os.path.join(folder, "bin/weft"), "run", SCENARIO, "--json"], check=True,
                          capture_output=True, text=True).stdout
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before, json.loads(page)["hash"]


def by_turns(pairs, measure):
    """Pairs of (with, without), the order by turns as well."""
    for pair in range(pairs):
        first, second = (BUILD, WITHOUT) if pair % 2 == 0 else (WITHOUT, BUILD)
        told = {folder: measure(folder) for folder in (first, second)}
        yield told[BUILD], told[WITHOUT]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=7)
    pairs = parser.parse_args().pairs
    build()
    for nodes in (10000, 100000):
        told = list(by_turns(pairs, lambda folder, nodes=nodes: messages(folder, nodes)))
        ratio = statistics.median(a / b for a, b in told)
        print(f"hash_cost messages nodes={nodes} with_ns={statistics.median(a for a, _ in told):.1f} "
              f"without_ns={statistics.median(b for _, b in told):.1f} ratio={ratio:.3f}", flush=True)
    told = list(by_turns(pairs, demo))
    if len({hash for (_, hash), _ in told}) != 1 or told[0][0][1] == told[0][1][1]:
        raise SystemExit("hash_cost: the build without a hash has one, or the other has many")
    ratio = statistics.median(a / b for (a, _), (b, _) in told)
    print(f"hash_cost demo with_s={statistics.median(a for (a, _), _ in told):.2f} "
          f"without_s={statistics.median(b for _, (b, _) in told):.2f} ratio={ratio:.3f}", flush=True)


if __name__ == "__main__":
    main()
