#!/usr/bin/env python3
"""Pictures of the report, each of a real run: docs/figures/report-*.png. ./dev screenshots runs it."""

import os
import subprocess
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tests", "report"))
import browser  # noqa: E402

WEFT = "build/bin/weft"  # as the pages show it
FOLDER = "build/screenshots"
SIZE_MAX = 200 * 1024

# Five nodes, and a get that nobody answers since its network is in two.
SPLIT = """\
name: two-of-five
about: Two of five nodes are cut off, and a get must be answered all the same.
population: 5
stop: 30s
join: {from: seeds, seeds: 1, over: 1s}
network:
  delay: {lognormal: {median: 30ms, sigma: 0.4}}
  loss: 2%
workload:
  - put: {from: 5s, every: 400ms, until: 20s}
  - get: {from: 6s, every: 300ms, until: 28s}
faults:
  - partition: {at: 12s, for: 8s, sides: [40%, 60%]}
checks:
  - stored_found: {within: 1ms}
"""

SIDES = """(e => { e.value = 'side'; e.dispatchEvent(new Event('change')); })
           (document.getElementById('colour'))"""


# Of a failure the picture has what it is and the chart, not what is between them on the page.
SHORT = "['outcome', 'nodes', 'node'].forEach(id => { document.getElementById(id).hidden = true; })"


def page_of(name, scenario, *options):
    trace, page = f"{FOLDER}/{name}.trace", f"{FOLDER}/{name}.html"
    subprocess.run([WEFT, "run", scenario, "--trace", trace, *options], check=False, cwd=ROOT,
                   stdout=subprocess.DEVNULL)
    subprocess.run([WEFT, "report", trace, "-o", page], check=True, cwd=ROOT,
                   stdout=subprocess.DEVNULL)
    return page


def shoot(page, name, script, from_id, to_id, dark=False):
    """A picture of the page from one of its parts to another, both included."""
    path = os.path.join(ROOT, "docs", "figures", f"report-{name}.png")
    with browser.Browser(width=1180, height=900, dark=dark) as window:
        window.open(page)
        window.wait("document.documentElement.dataset.ready === 'true'")
        # Part after part, as on the page; what sticks to its top would cover what is below.
        window.run("document.getElementById('time').style.position = 'static'; scrollTo(0, 0)")
        window.run(script)
        top, bottom = window.run(
            f"[document.querySelector('{from_id}').getBoundingClientRect().top + scrollY,"
            f" document.querySelector('{to_id}').getBoundingClientRect().bottom + scrollY]")
        window.picture(path, max(0, top - 16), bottom - top + 32)
    size = os.path.getsize(path)
    print(f"{os.path.relpath(path, ROOT)}  {size // 1024} KiB")
    if size > SIZE_MAX:
        sys.exit(f"{path} has {size} bytes, more than {SIZE_MAX}")


def main():
    if browser.missing():
        sys.exit(f"make_screenshots: {browser.missing()}")
    os.chdir(ROOT)
    os.makedirs(FOLDER, exist_ok=True)
    with open(f"{FOLDER}/two-of-five.yaml", "w", encoding="utf-8") as file:
        file.write(SPLIT)
    demo = page_of("demo", "scenarios/first-partition.yaml")
    split = page_of("split", f"{FOLDER}/two-of-five.yaml", "--trace-packets")
    shoot(demo, "nodes", f"seek(45e6); choose(337); {SIDES}", "header", "#hover")
    shoot(demo, "node", "seek(34.9e6); choose(551)", "#node", "#node", dark=True)
    shoot(split, "failure", SHORT, "header", "#chart")


if __name__ == "__main__":
    main()
