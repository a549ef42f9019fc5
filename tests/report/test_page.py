#!/usr/bin/env python3
"""The page of a run in a browser: it says nothing wrong, asks nobody, and is used by keyboard.

Pictures of what was tested are in build/report/."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import browser  # noqa: E402
import recompute  # noqa: E402

WEFT = os.path.abspath(os.path.join(os.environ.get("WEFT_BIN", "build/bin"), "weft"))
SOURCE = os.path.abspath(os.environ.get("WEFT_SOURCE", "."))
PICTURES = os.path.join(os.path.abspath(os.environ.get("WEFT_BUILD", "build")), "report")

# No get is found within a millisecond of a heal.
FIVE = """\
name: five
about: Five nodes, and a partition that outlasts what the check allows.
population: 5
stop: 40s
join: {from: seeds, seeds: 1, over: 1s}
network:
  delay: 20ms
  loss: 1%
workload:
  - put: {from: 5s, every: 500ms, until: 30s}
  - get: {from: 6s, every: 250ms, until: 38s}
faults:
  - partition: {at: 10s, for: 10s, sides: [40%, 60%]}
  - crash: {at: 24s, nodes: 1, for: 5s}
  - kill: {at: 33s, nodes: 1, for: 2s}
  - degrade: {at: 36s, for: 2s, nodes: all, delay: 1ms, delay_jitter: 2ms}
checks:
  - stored_found: {within: 1ms}
  - no_surprise
"""
NASTY = '</script><script>alert(1)</script> "quoted" \'single\' & <b>ümläut</b> 网'

ROWS = """(t => { seek(t); return [...Array(run.nodes).keys()].map(node => [state.life[node],
    state.lifeNumber[node], state.sideNow(node), state.degree[node], state.procs[node],
    state.restarts[node], state.faults[node]]); })"""
TREE = """((node, t) => { const rows = [], walk = (one, parent) => { rows.push([one.pid, parent,
    one.name]); one.children.forEach(child => walk(child, one.pid)); };
    processesAt(run, node, t).roots.forEach(one => walk(one, 0)); return rows; })"""


def weft(*args, status=0):
    done = subprocess.run([WEFT, *args], capture_output=True, text=True, timeout=300)
    if done.returncode != status:
        raise AssertionError(f"weft {args}: {done.returncode}, {done.stdout[-500:]}{done.stderr}")
    return done.stdout


class Runs:
    """Runs that several tests look at; each is made once."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="weft-report-")
        self.made = {}

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def scenario(self, name, text):
        with open(self.path(name + ".yaml"), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name + ".yaml")

    def get(self, name, scenario, *options, status=0):
        """(page, trace, what the run says as JSON) of a run."""
        if name not in self.made:
            trace, page = self.path(name + ".trace"), self.path(name + ".html")
            said = json.loads(weft("run", scenario, "--trace", trace, "--json", *options,
                                   status=status))
            weft("report", trace, "-o", page)
            self.made[name] = (page, trace, said)
        return self.made[name]

    def five(self):
        return self.get("five", self.scenario("five", FIVE), "--trace-packets", status=1)

    def thousand(self):
        return self.get("thousand", os.path.join(SOURCE, "scenarios/first-partition.yaml"))


RUNS = Runs()


class Page(unittest.TestCase):
    def open(self, page, **options):
        window = browser.Browser(**options)
        self.addCleanup(window.close)
        window.open(page)
        window.wait("document.documentElement.dataset.ready === 'true'")
        return window

    def quiet(self, window):
        """Nothing on the console, and nobody was asked but the file itself."""
        self.assertEqual(window.messages, [])
        self.assertEqual([url for url in window.requests if not url.startswith("data:")],
                         window.requests[:1])
        self.assertTrue(window.requests[0].startswith("file://"))

    def rows(self, window, selector):
        return window.run(f"[...document.querySelectorAll('{selector} tbody tr')]"
                          ".map(row => [...row.cells].map(cell => cell.innerText))")


class Numbers(Page):
    """What the page says is what the trace and the run say, worked out by somebody else."""

    def compare(self, run, times):
        page, trace, said = run
        window = self.open(page)
        for at, mesh in recompute.at_times(WEFT, trace, times):
            rows = window.run(f"{ROWS}({at + .999})")
            self.assertEqual(len(rows), said["nodes"])
            for node, row in enumerate(rows):
                self.assertEqual(row, mesh.row(node), f"node {node} at {at} us")
            self.assertEqual(window.text("#summary").split(" node")[0].replace(",", ""),
                             str(sum(row[0] == 2 for row in rows)))
            for node in range(0, said["nodes"], max(1, said["nodes"] // 20)):
                self.assertEqual(window.run(f"contactsAt(run, {node}, {at + .999}).nodes"),
                                 mesh.neighbours(node), f"node {node} at {at} us")
                tree = [tuple(row) for row in window.run(f"{TREE}({node}, {at + .999})")]
                self.assertEqual(sorted(tree), mesh.tree(node), f"node {node} at {at} us")
        self.outcome(window, said)
        self.counts(window, trace)
        return window

    def outcome(self, window, said):
        def number(text):
            return int(text.replace(",", ""))
        self.assertEqual(window.text("#verdict").lower(), said["verdict"])
        self.assertEqual(window.text("#hash"), said["hash"])
        self.assertEqual(window.text("#repeat code").split(" run ")[1].split(" --seed ")[1],
                         str(said["seed"]))
        self.assertEqual(window.run("run.run.events"), said["events"])
        self.assertEqual([(row[0], number(row[1]), number(row[2])) for row in self.rows(window, "#checks")],
                         [(one["name"], one["evaluated"], one["failed"]) for one in said["checks"]])
        self.assertEqual([(row[0], number(row[1]), number(row[2])) for row in self.rows(window, "#faults")],
                         [(one["kind"], one["injected"], one["bit"]) for one in said["faults"]])
        self.assertEqual([(row[0], number(row[1]), number(row[2])) for row in self.rows(window, "#works")],
                         [(one["kind"], one["asked"], one["done"]) for one in said["workload"]])
        parts = [(fault["kind"] + "." + part["name"], part["bit"]) for fault in said["faults"] for part in fault["parts"]]
        self.assertEqual([(row[0], number(row[1])) for row in self.rows(window, "#parts")], parts)
        self.assertEqual([(row[0], number(row[1])) for row in self.rows(window, "#conditions")],
                         [(one["name"], one["bit"]) for one in said["conditions"]])
        self.assertEqual(window.run("run.reasons.map(one => one.name)"), said.get("reasons", []))

    def counts(self, window, trace):
        """How many events of each kind, and the median of lookups that ended well."""
        kinds, took = {}, []
        for _, _, kind, fields in recompute.events(WEFT, trace):
            kinds[kind] = kinds.get(kind, 0) + 1
            if kind == "lookup.done" and fields["status"] == "OK":
                text = fields["took"]
                took.append(float(text[:-2]) / 1000 if text.endswith("ms") else float(text[:-1]))
        self.assertEqual(window.run("run.kinds"), kinds)
        self.assertEqual(window.run("run.events"), sum(kinds.values()))
        took.sort()
        lookup = window.run("run.measures.find(one => one.name === 'lookup')")
        self.assertEqual(lookup["count"], len(took))
        self.assertAlmostEqual(lookup["p50"] / 1e9, took[(len(took) - 1) // 2],
                               delta=.01 * took[len(took) // 2] + .001)

    def test_recoveries_are_those_of_the_statistics(self):
        for name, run in (("five", RUNS.five()), ("thousand", RUNS.thousand())):
            folder = RUNS.path(name + ".csvs")
            weft("trace", run[1], "--csv", folder)
            with open(os.path.join(folder, "convergence.csv"), encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file))
            self.assertGreater(len(rows), 2)
            window = self.open(run[0])
            shown = window.run("run.recoveries")
            self.assertEqual(len(shown), len(rows))
            for one, row in zip(shown, rows):
                self.assertEqual((one["fault"], one["ratio"]), (row["name"], row["ratio"]))
                for key in ("from", "until", "took"):
                    said = float(row[key + "_s"]) if row[key + "_s"] else None
                    told = one[key] / 1e6 if key in one else None
                    self.assertEqual(told, said, (name, key, row))
                for key in ("before", "worst"):
                    said = float(row[key]) if row[key] else None
                    self.assertEqual(one.get(key) is None, said is None, (name, key, row))
                    if said is not None:
                        self.assertAlmostEqual(one[key], said, places=4)

    def test_the_parts_of_as_many_faults_as_there_may_be(self):
        part = ("{at: 1s, for: 1s, nodes: all, loss: 1%, delay: 1ms, delay_jitter: 1ms, duplicate: 1%, reorder: 1%, corrupt: 1%, "
                "rate: {speed: 1MB}, mtu: 300, burst: {good: 1s, bad: 1s, loss: 1%}}")
        text = "name: many\npopulation: 2\nstop: 12s\nfaults:\n" + f"  - degrade: {part}\n" * 64 + "checks:\n  - no_leak\n"
        page, _, said = RUNS.get("many", RUNS.scenario("many", text), status=1)
        window = self.open(page)
        self.outcome(window, said)
        self.assertEqual(window.run("run.parts.length"), 64 * 9)

    def test_five_nodes(self):
        self.assertEqual([part["name"] for part in RUNS.five()[2]["faults"][3]["parts"]], ["delay", "delay_jitter"])
        self.assertEqual([one["name"] for one in RUNS.five()[2]["conditions"]], ["network.loss"])
        window = self.compare(RUNS.five(), [0, 500000, 5000000, 15000000, 20000000, 25000000,
                                            33500000, 39000000, 41000000])
        messages = window.run("[run.messages.count, run.messages.left_out]")
        self.assertEqual(messages, [window.run("run.kinds['packet.sent']"), 0])
        self.quiet(window)

    def test_a_thousand_nodes(self):
        window = self.compare(RUNS.thousand(), [3000000, 30000000, 45000000, 60000001, 119000000])
        self.quiet(window)

    def test_each_message_is_what_became_of_it(self):
        page, trace, _ = RUNS.five()
        window = self.open(page)
        fates, waiting = {}, {}
        for at, node, kind, fields in recompute.events(WEFT, trace, "packet.sent", "packet.lost",
                                                       "packet.received"):
            if kind == "packet.sent":
                waiting[node, fields["packet"]] = [at, node, int(fields["to"]), 0, None]
            elif kind == "packet.lost":
                waiting[node, fields["packet"]][3:] = [2 + int(fields["cause"]), None]
            else:
                message = waiting[int(fields["from"]), fields["packet"]]
                if message[3] != 1:
                    message[3:] = [1, at - message[0]]
        for message in waiting.values():
            fates[message[3]] = fates.get(message[3], 0) + 1
        mine = window.run("[...run.messages.at].map((at, i) => [at, run.messages.node[i],"
                          " run.messages.a[i] - 1, run.messages.kind[i],"
                          " run.messages.kind[i] === 1 ? run.messages.b[i] : null])")
        self.assertGreater(fates[1], 100)
        self.assertGreater(len(fates), 1, "something was lost")
        for theirs, shown in zip(sorted(waiting.values(), key=str), sorted(mine, key=str)):
            self.assertEqual(theirs[:4], shown[:4])
            if theirs[3] == 1:  # both times are cut to microseconds
                self.assertLessEqual(abs(theirs[4] - shown[4]), 1)


class Use(Page):
    def test_keys_move_in_time_and_find_a_node(self):
        page, _, _ = RUNS.thousand()
        window = self.open(page)
        window.key("Home")
        self.assertEqual(window.text("#summary").split(";")[0][:14], "0 nodes joined")
        begin = window.run("page.t")
        window.key("ArrowRight")
        step = window.run("page.t") - begin
        self.assertGreater(step, 0)
        window.key("ArrowRight", shift=True)
        self.assertAlmostEqual(window.run("page.t") - begin, 11 * step, delta=1)
        window.key("ArrowLeft")
        self.assertAlmostEqual(window.run("page.t") - begin, 10 * step, delta=1)
        window.key("]")
        self.assertEqual(window.run("page.t"), 30e6)
        self.assertIn("partition", window.text("#summary"))
        window.key("]")
        self.assertEqual(window.run("page.t"), 35e6)
        self.assertIn("2 down", window.text("#summary"))
        window.key("[")
        self.assertEqual(window.run("page.t"), 30e6)
        window.key("/")
        self.assertEqual(window.run("document.activeElement.id"), "wanted")
        window.type("337")
        window.key("Enter")
        self.assertEqual(window.text("#node-title"), "Node 337")
        window.type("ArrowRight")  # in a field keys are letters
        self.assertEqual(window.run("page.t"), 30e6)
        self.quiet(window)

    def test_a_node_is_found_by_id_and_address_and_nobody_else_is(self):
        page, _, _ = RUNS.five()
        window = self.open(page)
        for words, title in ((window.run("idOf(run, 3)").upper()[:8], "Node 3"),
                             ("10.0.0.3:6881", "Node 2"), ("node 1", "Node 1")):
            window.run(f"find({json.dumps(words)})")
            self.assertEqual(window.text("#node-title"), title)
        window.run("find('99')")
        self.assertEqual(window.text("#node-title"), "Node 1")
        self.assertIn("No node is called “99”", window.text("#found"))

    def test_the_scrubber_changes_the_states_of_nodes(self):
        page, _, _ = RUNS.five()
        window = self.open(page)
        crashed = window.run("run.occurrences.find(one => one.text.startsWith('crash')).text").split()[1]
        states = {}
        for at in (24000, 26000, 39000):
            window.run(f"(e => {{ e.value = (({at} * 1000) - run.first) / run.span * 10000;"
                       " e.dispatchEvent(new Event('input')); })(document.getElementById('scrubber'))")
            rows = self.rows(window, "#node-table")
            self.assertEqual(len(rows), 5)
            states[at] = rows[int(crashed)]
        self.assertEqual(states[26000][1], "crashed")
        self.assertEqual(states[39000][1:4], ["joined", "–", "2"])
        self.assertEqual(window.run("document.getElementById('scrubber').getAttribute('aria-valuetext')"),
                         "39.000 s: 5 nodes joined, 0 up, 0 down")
        self.quiet(window)

    def test_everything_is_reached_by_tab_and_has_a_name(self):
        page, _, _ = RUNS.five()
        window = self.open(page)
        seen = []
        for _ in range(60):
            window.key("Tab")
            seen.append(window.run("document.activeElement.id || document.activeElement.textContent"))
        for wanted in ("copy", "play", "at", "scrubber", "colour", "node 2", "wanted", "chart-here",
                       "before", "lanes", "chart"):
            self.assertIn(wanted, seen)
        nameless = window.run("""[...document.querySelectorAll('button, input, select, canvas, [role=img]')]
            .filter(e => !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length
                    || e.title)).map(e => e.outerHTML)""")
        self.assertEqual(nameless, [])
        self.assertEqual(window.run("[...document.querySelectorAll('[id]')].map(e => e.id)"
                                    ".filter((id, i, all) => all.indexOf(id) !== i)"), [])

    def test_the_tree_and_the_contacts_follow_the_time(self):
        page, _, _ = RUNS.thousand()
        window = self.open(page)
        window.run("seek(34.9e6); choose(337)")
        self.assertEqual(window.run("document.querySelectorAll('#tree [role=treeitem]').length"), 3)
        self.assertIn("root", window.text("#tree"))
        before = window.run("document.querySelectorAll('#neighbours button').length")
        self.assertGreater(before, 8)
        window.run("seek(36e6)")
        self.assertIn("No process lives here", window.text("#tree"))
        self.assertEqual(window.text("#neighbours"), "None at this time.")
        self.assertIn("crashed", window.text("#facts"))


class Chart(Page):
    def test_a_failure_has_a_chart_of_its_node_and_what_led_to_it(self):
        page, _, said = RUNS.five()
        window = self.open(page)
        self.assertEqual(window.text("#verdict"), "FAILS")
        self.assertIn(said["reasons"][0], window.text("#reasons"))
        failing = window.run("run.failures[0].node")
        self.assertEqual(window.run("[...document.querySelectorAll('#chart .head')]"
                                    ".filter(e => e.style.fill.includes('bad')).map(e => e.textContent)"),
                         [f"node {failing}"])
        words = window.text("#chart")
        self.assertIn("stored_found failed", words)
        self.assertIn("reply", words)
        lines = window.run("[...document.querySelectorAll('#chart-text li')].map(e => e.textContent)")
        self.assertTrue(any(f"node {failing} →" in line for line in lines))
        self.assertTrue(any("partition ends" in line for line in lines))
        self.quiet(window)

    def test_the_nodes_of_a_failure_stand_first_then_those_they_talked_with(self):
        page, _, _ = RUNS.thousand()
        window = self.open(page)
        ranked = window.run("rankNodes(run, {t: 36e6, named: [551]}, 35e6, 36.2e6)")
        self.assertEqual(ranked[0], 551)
        talked = window.run("[...run.messagesOf(551)].filter(i => run.messages.at[i] >= 35e6 &&"
                            " run.messages.at[i] <= 36.2e6).map(i => run.messages.node[i] === 551 ?"
                            " run.messages.a[i] - 1 : run.messages.node[i])")
        self.assertIn(ranked[1], talked)

    def test_a_run_that_held_has_a_chart_of_any_time(self):
        page, _, _ = RUNS.thousand()
        window = self.open(page)
        window.run("seek(35e6); choose(337)")
        window.key("c")
        self.assertIn("35.000 s at node 337", window.text("#chart-about"))
        self.assertIn("node crashed", window.text("#chart"))
        self.quiet(window)


class Many(Page):
    def test_a_hundred_thousand_nodes_are_groups_that_can_be_read(self):
        page = RUNS.path("large.html")
        program = os.path.join(os.path.dirname(WEFT), "..", "tests", "unit.analysis.test_report")
        subprocess.run([program, "the_page_of_very_many_nodes_is_bounded"], check=True, timeout=300,
                       env={**os.environ, "WEFT_REPORT_LARGE": page}, stdout=subprocess.DEVNULL)
        self.assertLess(os.path.getsize(page), 20 << 20)
        window = self.open(page)
        self.assertEqual(window.run("run.nodes"), 100000)
        self.assertEqual(window.text("#summary"), "99,000 nodes joined, 0 up, 1,000 down")
        self.assertGreaterEqual(window.run("page.shape.group"), 5)
        self.assertLessEqual(window.run("document.getElementById('grid').clientHeight"), 340)
        self.assertEqual(window.run("cellLine(0)"), "nodes 0 to 9: 1 crashed, 9 joined")
        self.assertEqual(window.run("[...document.querySelectorAll('#chart .head')].map(e => e.textContent)")[:2],
                         ["node 50", "node 100"])
        window.run("document.getElementById('grid').focus()")
        window.key("ArrowRight")
        self.assertEqual(window.text("#node-title"), "Node 60")
        self.assertEqual(window.text("#hover"), window.run("cellLine(6)"))
        start = time.monotonic()
        window.run("for (let i = 0; i < 20; i++) seek(run.last * i / 20)")
        self.assertLess((time.monotonic() - start) / 20, 2)
        window.screenshot(os.path.join(PICTURES, "large.png"), full=True)
        self.quiet(window)


class Trouble(Page):
    def test_texts_stay_texts(self):
        about = next(line for line in FIVE.split("\n") if line.startswith("about:"))
        yaml = FIVE.replace(about, "about: " + json.dumps(NASTY, ensure_ascii=False))
        page, _, _ = RUNS.get("nasty", RUNS.scenario("nasty", yaml), status=1)
        window = self.open(page)
        self.assertEqual(window.text("#about"), NASTY)
        self.assertEqual(window.run("document.querySelectorAll('script').length"), 2)
        self.quiet(window)

    def test_a_trace_that_is_cut_says_so(self):
        page, trace, _ = RUNS.five()
        with open(trace, "rb") as file:
            whole = file.read()
        cut = RUNS.path("cut.trace")
        with open(cut, "wb") as file:
            file.write(whole[:-100])
        weft("report", cut, "-o", RUNS.path("cut.html"))
        window = self.open(RUNS.path("cut.html"))
        self.assertIn("cut short before its end", window.text("#notices"))
        self.quiet(window)

    def test_a_page_is_bounded(self):
        for run in (RUNS.five(), RUNS.thousand()):
            self.assertLess(os.path.getsize(run[0]), 20 << 20)

    def test_a_thousand_nodes_take_seconds(self):
        _, trace, _ = RUNS.thousand()
        times = []
        for _ in range(3):
            start = time.monotonic()
            weft("report", trace, "-o", RUNS.path("again.html"))
            times.append(time.monotonic() - start)
        self.assertLess(min(times), 10, "3 s on a machine of its own; here others may work")


class WithoutGnuplot(Page):
    def test_the_page_says_so_and_has_all_else(self):
        _, trace, said = RUNS.five()
        page, folder = RUNS.path("plain.html"), RUNS.path("empty-path")
        os.makedirs(folder, exist_ok=True)
        done = subprocess.run([WEFT, "report", trace, "-o", page], env={"PATH": folder},
                              capture_output=True, text=True, timeout=300)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        window = self.open(page)
        self.assertIn("gnuplot is not installed where this page was made", window.text("#plots"))
        self.assertEqual(window.run("document.querySelectorAll('#plots svg').length"), 0)
        self.assertEqual(window.text("#hash"), said["hash"])
        self.assertEqual(window.run("document.querySelectorAll('#checks tbody tr').length"),
                         len(said["checks"]))
        window.screenshot(os.path.join(PICTURES, "without-gnuplot.png"), full=True)
        self.quiet(window)


class Live(Page):
    def test_the_page_follows_the_run_to_its_verdict(self):
        with subprocess.Popen([WEFT, "run", RUNS.scenario("live", FIVE), "--live=0", "--json"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
            place = re.search(r"http://127\.0\.0\.1:\d+/", run.stderr.readline())[0]
            window = browser.Browser()
            self.addCleanup(window.close)
            window.open(place)
            window.wait("document.querySelector('#verdict').innerText.toLowerCase() === 'fails'", 60)
            said = json.loads(run.stdout.readline())
            self.assertEqual(window.text("#hash"), said["hash"])
            self.assertEqual(window.run("run.nodes"), said["nodes"])
            self.assertEqual(window.run("document.querySelectorAll('#faults tbody tr').length"),
                             len(said["faults"]))
            window.screenshot(os.path.join(PICTURES, "live.png"), full=True)
            self.assertEqual(window.messages, [])
            self.assertEqual({url.split("?")[0] for url in window.requests
                              if not url.startswith("data:")} - {place, place + "state.json"}, set())
            run.send_signal(signal.SIGINT)
            self.assertEqual(run.wait(30), 1)


class Pictures(Page):
    def test_pictures_are_taken(self):
        shots = (("five", RUNS.five(), {}, ""), ("five-dark", RUNS.five(), {"dark": True}, ""),
                 ("thousand", RUNS.thousand(), {}, "choose(100)"),
                 ("sides", RUNS.thousand(), {}, "(e => { e.value = 'side'; e.dispatchEvent(new Event('change')); })(document.getElementById('colour'))"),
                 ("narrow", RUNS.five(), {"width": 420}, ""))
        for name, run, options, script in shots:
            window = self.open(run[0], **options)
            if script:
                window.run(script)
            self.assertLessEqual(window.run("document.documentElement.scrollWidth"),
                                 options.get("width", 1280), f"{name} does not scroll sideways")
            window.screenshot(os.path.join(PICTURES, name + ".png"), full=True)
            self.assertGreater(os.path.getsize(os.path.join(PICTURES, name + ".png")), 20000)
            self.quiet(window)


if __name__ == "__main__":
    WHY = browser.missing()
    if WHY:
        print(f"SKIPPED: the report is not seen by a browser: {WHY}")
        sys.exit(77)
    unittest.main()
