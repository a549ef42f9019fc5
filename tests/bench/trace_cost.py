"""What a trace of everything costs the demo: runs without and with one by turns, in seconds of wall
time and of the processor (the thread that packs among it). The hash must be the same."""
import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile

SOURCE = os.environ.get("WEFT_SOURCE", os.getcwd())
WEFT = os.path.join(os.environ.get("WEFT_BIN", "build/bin"), "weft")
SCENARIO = os.path.join(SOURCE, "scenarios/first-partition.yaml")


def run(*options):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    page = json.loads(subprocess.run([WEFT, "run", SCENARIO, "--json", *options], check=True,
                                     capture_output=True, text=True).stdout)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return page["hash"], page["wall_s"], used


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=11)
    wall, cpu = [], []
    with tempfile.TemporaryDirectory() as folder:
        trace = ["--trace", os.path.join(folder, "run.trace")]
        for pair in range(parser.parse_args().pairs):
            first = pair % 2  # the order by turns as well
            told = [run(*(trace if at == first else [])) for at in (0, 1)]
            traced, plain = told[first], told[1 - first]
            if traced[0] != plain[0]:
                sys.exit("trace_cost: a trace changed the run")
            wall.append(traced[1] / plain[1])
            cpu.append(traced[2] / plain[2])
            print(f"trace_cost plain_s={plain[1]:.2f} traced_s={traced[1]:.2f} "
                  f"wall={wall[-1]:.3f} cpu={cpu[-1]:.3f}", flush=True)
    print(f"trace_cost median of {len(wall)}: wall={statistics.median(wall):.3f} "
          f"cpu={statistics.median(cpu):.3f}")


if __name__ == "__main__":
    main()
