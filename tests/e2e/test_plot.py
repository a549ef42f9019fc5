"""weft plot: each picture of real runs, well-formed, titled, with units and the run's hash; and what
is said when gnuplot is not there, or fails."""
import os
import re
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as ET

SOURCE = os.environ.get("WEFT_SOURCE", os.getcwd())
BIN = os.environ.get("WEFT_BIN", os.path.join(SOURCE, "build/bin"))
WEFT = os.path.join(BIN, "weft")
MODULES = os.path.join(os.path.dirname(BIN), "modules")
SVG = "{http://www.w3.org/2000/svg}"

# What stands at the axes of each picture of one run.
AXES = {
    "latency-cdf": ["share, %", "took at most, ms"],
    "latency": ["packet latency, ms", "time, s"],
    "lookups": ["ended well, %", "a lookup takes, ms", "time, s"],
    "hops": ["lookups, %", "hops"],
    "delivery": ["packets delivered, %", "packets a second", "time, s"],
    "restarts": ["a second", "nodes up", "time, s"],
    "overlay": ["contacts of a node", "parts of the overlay", "nodes, largest part", "time, s"],
    "queues": ["events in the queue", "messages in mailboxes", "time, s"],
    "memory": ["heap of all nodes, KiB", "heap of one node, KiB", "time, s"],
    "faults": ["time, s"],
}


def weft(*args, path=None, columns=None):
    environment = dict(os.environ)
    environment.pop("COLUMNS", None)
    if path is not None:
        environment["PATH"] = path
    if columns is not None:
        environment["COLUMNS"] = columns
    return subprocess.run([WEFT, *args], capture_output=True, text=True, check=False, timeout=120,
                          env=environment)


def texts(svg):
    return ["".join(text.itertext()) for text in svg.iter(f"{SVG}text")]


class Plot(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="weft-plot-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.trace, cls.hash = cls.run_of("crash", "scenarios/faults/crash.yaml")

    @classmethod
    def file(cls, name):
        return os.path.join(cls.folder.name, name)

    @classmethod
    def run_of(cls, name, scenario, *args):
        trace = cls.file(name + ".trace")
        ran = weft("run", os.path.join(SOURCE, scenario), "--modules", MODULES, "--trace", trace,
                   *args)
        return trace, re.search(r"run hash +([0-9a-f]{32})", ran.stdout)[1]

    def plot(self, *args, **how):
        ran = weft("plot", *args, **how)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        return ran

    def refused(self, *args, status=2, **how):
        ran = weft("plot", *args, **how)
        self.assertEqual(ran.returncode, status, ran.stdout + ran.stderr)
        self.assertEqual(ran.stderr.count("\n"), 1, ran.stderr)
        return ran.stderr.strip()

    def test_every_picture_of_a_run_says_what_it_shows_and_of_which_run(self):
        out = self.file("all")
        ran = self.plot(self.trace, "-o", out)
        self.assertEqual(ran.stderr, "")
        self.assertEqual(sorted(ran.stdout.split()), sorted(f"{out}/{name}.svg" for name in AXES))
        for name, axes in AXES.items():
            with self.subTest(name):
                svg = ET.parse(f"{out}/{name}.svg").getroot()
                shown = texts(svg)
                self.assertTrue(shown and svg.find(f"{SVG}title").text in shown, shown)
                self.assertNotEqual(svg.find(f"{SVG}title").text, "Gnuplot")
                for axis in axes:
                    self.assertIn(axis, shown)
                caption = " ".join(shown)
                self.assertIn(f"crash, seed 1, hash {self.hash}, holds, 10 nodes, weft 0.", caption)

    def test_pictures_can_stand_in_one_page(self):
        out = self.file("ids")
        self.plot(self.trace, "-o", out)
        ids = set()
        for name in AXES:
            svg = ET.parse(f"{out}/{name}.svg").getroot()
            own = [element.get("id") for element in svg.iter() if element.get("id")]
            self.assertEqual(len(own), len(set(own)))
            self.assertFalse(ids & set(own))
            ids |= set(own)
            with open(f"{out}/{name}.svg", encoding="utf-8") as file:
                text = file.read()
            for reference in re.findall(r"(?:href=['\"]|url\()([^'\")]+)", text):
                self.assertIn(reference, {f"#{element}" for element in own})
            self.assertRegex(text, r'<rect x="0" y="0" width="900" height="\d+" fill="#ffffff"')

    def test_faults_are_bands_with_names_and_rows_with_bites(self):
        out = self.file("bands")
        self.plot(self.trace, "-o", out, "--only", "delivery,faults")
        delivery = texts(ET.parse(f"{out}/delivery.svg").getroot())
        self.assertIn("restart", delivery)
        self.assertTrue(any(re.fullmatch(r"crash( ×\d+)?", text) for text in delivery), delivery)
        faults = texts(ET.parse(f"{out}/faults.svg").getroot())
        self.assertTrue(any(re.fullmatch(r"crash, 5 of 5 bit", text) for text in faults), faults)

    def test_png_is_png(self):
        out = self.file("png")
        self.plot(self.trace, "-o", out, "--format", "png", "--width", "1200")
        for name in AXES:
            with open(f"{out}/{name}.png", "rb") as file:
                head = file.read(24)
            self.assertEqual(head[:8], b"\x89PNG\r\n\x1a\n")
            self.assertEqual(int.from_bytes(head[16:20], "big"), 1200)

    def test_a_terminal_gets_characters_of_its_width(self):
        for width in (40, 80, 132):
            shown = self.plot(self.trace, columns=str(width)).stdout
            self.assertLessEqual(max(map(len, shown.split("\n"))), width)
            self.assertIn("Delivery of messages over time", shown)
            self.assertIn(self.hash, shown)
        shown = self.plot(self.trace, "--width", "100", "--only", "hops").stdout
        self.assertLessEqual(max(map(len, shown.split("\n"))), 100)
        self.assertGreater(max(map(len, shown.split("\n"))), 80)

    def test_what_a_trace_has_no_data_for_is_left_out_and_told(self):
        trace, _ = self.run_of("trees", "scenarios/otp/random-trees.yaml", "--until", "20s")
        ran = self.plot(trace, "-o", self.file("trees"))
        drawn = {os.path.basename(path)[:-4] for path in ran.stdout.split()}
        told = set(re.findall(r'no picture "([a-z-]+)": the trace has no', ran.stderr))
        self.assertEqual(drawn | told, set(AXES))
        self.assertFalse(drawn & told)
        self.assertIn("restarts", drawn)
        self.assertIn("lookups", told)
        self.assertIn("nothing to draw", weft("plot", trace, "--only", "latency").stderr)
        self.assertEqual(weft("plot", trace, "--only", "latency").returncode, 2)

    def test_several_runs_share_pictures(self):
        other, other_hash = self.run_of("other", "scenarios/faults/crash.yaml", "--seed", "7")
        out = self.file("both")
        self.plot(self.trace, other, "-o", out, "--only", "latency-cdf,delivery,hops,overlay")
        for name in ("latency-cdf", "delivery", "hops", "overlay"):
            shown = texts(ET.parse(f"{out}/{name}.svg").getroot())
            self.assertIn("seed 1", shown)
            self.assertIn("seed 7", shown)
            caption = " ".join(shown)
            self.assertIn(self.hash, caption)
            self.assertIn(other_hash, caption)

    def exported(self, trace, name):
        folder = self.file(name)
        ran = weft("trace", trace, "--csv", folder)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        return folder

    def test_a_folder_of_csv_is_drawn_as_its_trace_is(self):
        trace, _ = self.run_of("third", "scenarios/faults/crash.yaml", "--seed", "3")
        for name, one, other in (
                ("crash", [self.trace], [self.exported(self.trace, "crash.csv")]),
                ("two", [self.trace, trace], [self.trace, self.exported(trace, "third") + "/"])):
            of_trace = self.plot(*one, "-o", self.file(name + "-of-trace"))
            of_csv = self.plot(*other, "-o", self.file(name + "-of-csv"))
            self.assertEqual(of_csv.stderr, of_trace.stderr)
            drawn = sorted(os.listdir(self.file(name + "-of-trace")))
            self.assertGreaterEqual(len(drawn), len(AXES) - 1)
            self.assertEqual(drawn, sorted(os.listdir(self.file(name + "-of-csv"))))
            for picture in drawn:
                with open(self.file(f"{name}-of-trace/{picture}"), "rb") as a, \
                        open(self.file(f"{name}-of-csv/{picture}"), "rb") as b:
                    self.assertEqual(a.read(), b.read(), picture)

    def test_a_folder_that_is_not_as_it_should_be_is_told(self):
        def spoil(name, file, change):
            folder = self.exported(self.trace, name)
            path = os.path.join(folder, file)
            with open(path, encoding="utf-8", newline="") as old:
                text = change(old.read())
            with open(path, "w", encoding="utf-8", newline="") as new:
                new.write(text)
            return folder
        os.mkdir(self.file("empty"))
        self.assertIn("empty/run.csv: no such file", self.refused(self.file("empty")))
        for file in ("trends.csv", "latency.csv", "faults.csv", "nodes.csv"):
            folder = self.exported(self.trace, "without-" + file)
            os.remove(os.path.join(folder, file))
            self.assertIn(f"/{file}: no such file", self.refused(folder))
        for name, file, change, wanted in (
                ("hash", "run.csv", lambda text: text.replace(self.hash, "x"), "hash is no run's"),
                ("last", "run.csv", lambda text: re.sub("last_s,[^\r]*", "last_s,", text),
                 "last_s are no times"),
                ("length", "run.csv", lambda text: re.sub("interval_s,[^\r]*", "interval_s,0", text),
                 "interval_s is no length"),
                ("format", "run.csv", lambda text: text.replace("weft-csv-1", "weft-csv-9"),
                 'its format is "weft-csv-9"'),
                ("uneven", "trends.csv", lambda text: re.sub("(?m)^5,", "5.5,", text),
                 "start_s does not go on evenly"),
                ("nothing", "trends.csv", lambda text: re.sub("(?m)^0,", ",", text),
                 "start_s has no times"),
                ("word", "trends.csv", lambda text: re.sub("(?m)^5,", "five,", text),
                 '"five" in column "start_s" is no number'),
                ("band", "faults.csv", lambda text: re.sub(r"(?m)^0,", "-1,", text),
                 "faults.csv:2:1: expected numbers"),
                ("bucket", "latency.csv", lambda text: text.replace(",ms,", ",min,", 1),
                 "latency.csv:2:1: expected unit")):
            self.assertIn(wanted, self.refused(spoil(name, file, change)), name)

    def test_growth_is_drawn_from_rows(self):
        rows, out = self.file("rows.csv"), self.file("growth")
        with open(rows, "w", encoding="utf-8") as file:
            file.write("scenario,nodes,events,wall_s,bytes,build\n"
                       "join,100,1000,0.001,400000,weft 0.1.0 (abc)\n"
                       "join,100,1000,0.003,400000,weft 0.1.0 (abc)\n"
                       "join,1000000,30000000,60,4000000000,weft 0.1.0 (abc)\n")
        ran = self.plot(rows, "-o", out)
        self.assertEqual(ran.stdout.split(), [f"{out}/growth.svg"])
        shown = texts(ET.parse(f"{out}/growth.svg").getroot())
        for text in ("wall time an event, µs", "process memory a node, KiB", "nodes", "1,000,000"):
            self.assertIn(text, shown)
        self.assertIn("3 runs of 100 to 1000000 nodes, weft 0.1.0 (abc)", " ".join(shown))

    def test_rows_that_are_none_are_told_with_their_line(self):
        rows = self.file("bad.csv")
        with open(rows, "w", encoding="utf-8") as file:
            file.write("nodes,events,wall_s,bytes\n1,2,x,4\n")
        self.assertEqual(self.refused(rows), f"weft: {rows}:2: wall_s is a number above 0, not x")
        self.assertIn("one file of a benchmark's rows at a time",
                      weft("plot", *[self.good_rows()] * 2).stderr)

    def good_rows(self):
        path = self.file("good.csv")
        with open(path, "w", encoding="utf-8") as file:
            file.write("nodes,events,wall_s,bytes\n1,2,3,4\n")
        return path

    def test_the_list_names_every_picture(self):
        listed = [line.split()[0] for line in self.plot("--list").stdout.splitlines()]
        self.assertEqual(sorted(listed), sorted([*AXES, "growth"]))

    def test_without_gnuplot_one_line_says_which_package(self):
        for args in ([], ["-o", self.file("none")], ["-o", self.file("none"), "--format", "png"]):
            said = self.refused(self.trace, *args, path="/nowhere")
            self.assertEqual(said, "weft: plots are drawn by gnuplot, which is not installed "
                                   "(Debian: gnuplot-nox)")
        self.assertEqual(weft("trace", self.trace, "--head", path="/nowhere").returncode, 0)

    def fake(self, script):
        folder = tempfile.mkdtemp(dir=self.folder.name)
        with open(os.path.join(folder, "gnuplot"), "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n" + script)
        os.chmod(os.path.join(folder, "gnuplot"), 0o755)
        return folder

    def test_what_a_failing_gnuplot_said_is_told(self):
        for script, said in (
                ("echo 'plot x' >&2; echo '  line 7: no such terminal' >&2; exit 3",
                 "gnuplot failed with status 3: line 7: no such terminal"),
                ("exit 1", "gnuplot failed with status 1"),
                ("kill -9 $$", "gnuplot was ended by signal 9"),
                ("/bin/cat >/dev/null", "gnuplot drew nothing"),
                ("exit 0", "gnuplot drew nothing"),
        ):
            with self.subTest(script):
                told = self.refused(self.trace, "--only", "hops", status=3, path=self.fake(script))
                self.assertEqual(told, "weft: " + said)
        folder = self.fake("exit 0")
        os.chmod(os.path.join(folder, "gnuplot"), 0o644)
        told = self.refused(self.trace, "--only", "hops", status=3, path=folder)
        self.assertEqual(told, "weft: gnuplot cannot be run: Permission denied")

    def test_bad_wishes_are_told_in_one_line(self):
        for args, said in (
                (["--format", "svgz", self.trace], 'unknown format "svgz", did you mean "svg"?'),
                (["--only", "hop", self.trace], 'unknown picture "hop", did you mean "hops"?'),
                (["--only", "hops,", self.trace], 'unknown picture ""'),
                (["--width", "12", self.trace],
                 '"12" is no width: --width takes a number from 40 to 4000'),
                (["--format", "png", self.trace],
                 "--format png is written to files: say where with -o DIR"),
                (["--onyl", "hops", self.trace], 'unknown option "--onyl", did you mean "--only"?'),
                (["-o"], 'option "-o" needs a value: -o DIR'),
                (["/nowhere/a.trace"], "/nowhere/a.trace: "),
                (["/nowhere/a.csv"], "/nowhere/a.csv: No such file or directory"),
                ([self.trace, "-o", "/nowhere/a"], "/nowhere/a: No such file or directory"),
                ([self.trace, "-o", WEFT], f"{WEFT}: Not a directory"),
                ([self.trace] * 9, "at most 8 runs in one picture"),
                ([WEFT], f"{WEFT}: "),
        ):
            with self.subTest(args):
                self.assertIn("weft: " + said, self.refused(*args))

    def test_a_picture_that_cannot_be_written_is_told(self):
        out = self.file("full")
        os.makedirs(os.path.join(out, "hops.svg"))
        self.assertEqual(self.refused(self.trace, "--only", "hops", "-o", out),
                         f"weft: {out}/hops.svg: Is a directory")

    def test_a_trace_that_was_cut_short_is_drawn_and_told(self):
        cut = self.file("cut.trace")
        trace, _ = self.run_of("blocks", "scenarios/first-partition.yaml", "--set", "population=50")
        with open(trace, "rb") as file:
            data = file.read()
        with open(cut, "wb") as file:
            file.write(data[:len(data) * 3 // 4])
        ran = weft("plot", cut, "--only", "delivery", "--width", "150")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertIn(f"weft: {cut}: the end of the run is not in it", ran.stderr)
        self.assertIn("first-partition, seed 1, no hash (the trace ends before the run)", ran.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
