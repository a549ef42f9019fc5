#!/usr/bin/env python3
"""Depths of Kademlia lookups in ideal tables, as a Monte Carlo over random ids, beside what bench_kademlia measured:
a data file for gnuplot and a table.

    build/bench/bench_kademlia 100 1000 10000 100000 >measured.txt
    tests/bench/kademlia_theory.py measured.txt docs/figures

A bucket of an ideal table holds k nodes drawn at random from all of its range; a node that is asked names the k closest of
its table; the lookup goes on with the closest it knows, one at a time, until that is the closest of all.
"""
import bisect
import collections
import os
import random
import re
import subprocess
import sys

BITS = 64
LOOKUPS = 2000
K = 8


def in_range(ids, low, bits):
    """Indices of the ids that share all but the last `bits` bits with `low`."""
    return bisect.bisect_left(ids, low), bisect.bisect_left(ids, low + (1 << bits))


def drawn(ids, first, last, rand):
    count = last - first
    return range(first, last) if count <= K else rand.sample(range(first, last), K)


def closest_of_table(ids, own, target, rand):
    """The k closest to `target` that an ideal table of ids[own] names; only the buckets that are needed are drawn."""
    found = []
    distance = ids[own] ^ target
    bits = distance.bit_length()
    while bits > 0 and len(found) < K:  # where they differ, from the top: closer than what is below
        bit = bits - 1
        if distance >> bit & 1:
            low = (ids[own] ^ (1 << bit)) >> bit << bit
            found += drawn(ids, *in_range(ids, low, bit), rand)
        bits -= 1
    return found


def depth_of(ids, own, target, goal, rand):
    depth, at = 0, own
    while at != goal:
        named = closest_of_table(ids, at, target, rand)
        best = min(named, key=lambda index: ids[index] ^ target, default=None)
        if best is None or ids[best] ^ target >= ids[at] ^ target:
            return None
        at = best
        depth += 1
    return depth


def closest(ids, target):
    low, high, bits = 0, len(ids), BITS
    while high - low > 1 and bits > 0:
        bits -= 1
        first, last = in_range(ids, target >> bits << bits, bits)
        first, last = max(first, low), min(last, high)
        if last > first:
            low, high = first, last
            continue
        return min(range(low, high), key=lambda index: ids[index] ^ target)
    return low


def expected(nodes, rand):
    """How many of LOOKUPS lookups have which depth."""
    ids = sorted(rand.getrandbits(BITS) for _ in range(nodes))
    depths = collections.Counter()
    while sum(depths.values()) < LOOKUPS:
        target, own = rand.getrandbits(BITS), rand.randrange(nodes)
        goal = closest(ids, target)
        depth = None if own == goal else depth_of(ids, own, target, goal, rand)
        if depth is not None:
            depths[depth] += 1
    return depths


def measured(path):
    rows = {}
    for line in open(path, encoding="utf-8"):
        match = re.match(r"kademlia n=(\d+) alpha=(\d+) .* depths(.*)", line)
        if match:
            pairs = (pair.split(":") for pair in match[3].split())
            rows[int(match[1]), int(match[2])] = collections.Counter({int(d): int(n) for d, n in pairs})
    return rows


def mean(depths):
    return sum(depth * count for depth, count in depths.items()) / sum(depths.values())


def share(depths, depth):
    return depths[depth] / sum(depths.values())


PLOT = """set terminal svg size 900,380 font 'sans,12'
set output '{folder}/kademlia.svg'
set multiplot layout 1,2
set key bottom right
set logscale x
set format x '10^{{%L}}'
set xrange [70:1.5*{most}]
set xlabel 'nodes'
set ylabel 'hops to the closest node, mean'
plot '{means}' using 1:2 with lines title 'ideal tables, one at a time', '' using 1:3 with points pt 7 title 'measured, alpha 1', \\
     '' using 1:4 with points pt 4 title 'measured, alpha 3', log(x)/log(2)/4.421 with lines dt 2 title 'log2 N / 4.421'
unset logscale x
set format x '%g'
set xrange [0.5:*]
set yrange [0:0.6]
set key top left
set style fill solid 0.5
set boxwidth 0.4
set xtics 1
set xlabel 'hops, {largest} nodes'
set ylabel 'share of lookups'
plot '{shares}' using ($1-0.2):2 with boxes title 'ideal tables', '' using ($1+0.2):3 with boxes title 'measured, alpha 1'
"""


def main():
    rows, folder = measured(sys.argv[1]), sys.argv[2]
    sizes = sorted({nodes for nodes, _ in rows})
    theory = {nodes: expected(nodes, random.Random(nodes)) for nodes in sizes}
    os.makedirs(folder, exist_ok=True)
    means, shares = os.path.join(folder, "kademlia-means.dat"), os.path.join(folder, "kademlia-shares.dat")
    with open(means, "w", encoding="utf-8") as out:
        for nodes in sizes:
            out.write(f"{nodes} {mean(theory[nodes]):.3f} {mean(rows[nodes, 1]):.3f} {mean(rows[nodes, 3]):.3f}\n")
    with open(shares, "w", encoding="utf-8") as out:
        for depth in range(1, max(theory[sizes[-1]]) + 2):
            out.write(f"{depth} {share(theory[sizes[-1]], depth):.4f} {share(rows[sizes[-1], 1], depth):.4f}\n")
    for nodes in sizes:
        ideal, ours = theory[nodes], rows[nodes, 1]
        depths = range(1, max(max(ideal), max(ours)) + 1)
        apart = sum(abs(share(ideal, d) - share(ours, d)) for d in depths) / 2
        print(f"| {nodes:,} | {mean(ideal):.2f} | {mean(ours):.2f} | "
              + ", ".join(f"{100 * share(ideal, d):.1f}" for d in depths) + " | "
              + ", ".join(f"{100 * share(ours, d):.1f}" for d in depths) + f" | {100 * apart:.1f} |")
    plot = PLOT.format(folder=folder, means=means, shares=shares, most=sizes[-1],
                       largest=f"{sizes[-1]:,}")
    subprocess.run(["gnuplot"], input=plot.encode(), check=True)


if __name__ == "__main__":
    main()
