"""The runtime beside Erlang's and Go's: ./dev bench otp [--quick] [--rounds N] [CASE ...].

Each case runs in a process of its own, ours and the peers' by turns. A figure is the best of the
rounds; a quantile is the median of what the rounds say. A run of all cases writes its table into
docs/benchmarks.md; a quick or partial one only prints it. Peers that are not installed are left
out (Debian: erlang-base, golang-go)."""
import argparse
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
from dataclasses import dataclass, field

SOURCE = os.environ.get("WEFT_SOURCE", os.getcwd())
BUILD = os.path.dirname(os.environ.get("WEFT_BIN", os.path.join(SOURCE, "build/bin")))
OURS = os.path.join(BUILD, "bench/bench_otp")
PEERS = os.path.join(BUILD, "bench/peers")
PAGE = os.path.join(SOURCE, "docs/benchmarks.md")
BEGIN, END = "<!-- written by ./dev bench otp -->", "<!-- end of what ./dev bench otp wrote -->"
PEER_SECONDS = 600


# What the peers needed on the machine on which the targets were set, by a figure's case and key, in
# the figure's unit: BEAM, Go; None: not measured there.
TARGETS_PEERS = {
    ("spawn_turn", "ns"): (1.05, 0.27),
    ("memory", "bytes_each"): (3309, 2874),
    ("call", "ns"): (1.14, 0.35),
    ("pingpong", "ns"): (0.51, 0.22),
    ("fan_in", "rate"): (5.4, 29.7),
    ("fan_out", "rate"): (3.7, 18.6),
    ("timers", "start_rate"): (1.8, None),
    ("timers", "cancel_rate"): (2.5, None),
    ("restarts_10000", "p50_us"): (106, 1.6),
    ("restarts_10000", "p99_us"): (336, 8.8),
    ("restarts_100000", "p50_us"): (1620, None),
    ("restarts_100000", "p99_us"): (4103, None),
    ("shutdown", "ms"): (635, None),
    ("cascade", "us"): (5.2, None),
    ("tick_high", "p999_us"): (15, None),
}


@dataclass
class Figure:
    """One row of the table."""
    title: str
    key: str
    unit: str = ""
    target: float = None
    more_is_better: bool = False
    quantile: bool = False
    scale: float = 1

    def of(self, runs):
        values = [run[self.key] * self.scale for run in runs]
        if not values:
            return None
        if self.quantile:
            return statistics.median(values)
        return max(values) if self.more_is_better else min(values)

    def met(self, value):
        if self.target is None or value is None:
            return ""
        held = value >= self.target if self.more_is_better else value <= self.target
        return "yes" if held else "**no**"

    def target_text(self):
        if self.target is None:
            return ""
        return ("≥ " if self.more_is_better else "≤ ") + with_unit(self.target, self.unit)

    def times(self, peer, ours):
        """How many times as good as the peer's."""
        if not peer or not ours:
            return None
        return ours / peer if self.more_is_better else peer / ours

    def ratio(self, peer, ours):
        times = self.times(peer, ours)
        return "" if times is None else f"{times:.3g}"

    def target_as_ratios(self, case, erlang, go, ours):
        """The target by what the peers needed where it was set, and whether that is met here."""
        wanted, held = [], []
        there = TARGETS_PEERS.get((case.name, self.key), (None, None))
        for name, peer_there, peer in zip(("BEAM", "Go"), there, (erlang, go)):
            least = self.times(peer_there, self.target)
            times = self.times(peer, ours)
            if least is None or times is None:
                continue
            wanted.append(f"≥ {least:.3g} × {name}")
            held.append("yes" if times >= least else "**no**")
        return ", ".join(wanted), ", ".join(held)


@dataclass
class Case:
    """What one program run measures; numbers per runtime, None: it has no such case."""
    name: str
    figures: list
    ours: str
    erlang: str = None
    go: str = None
    quick: int = 1          # divide the first number by this in a quick run
    once: bool = False      # too big to be repeated
    needs_mib: int = 0      # free memory without which it is left out
    runs: dict = field(default_factory=lambda: {"weft": [], "erlang": [], "go": []})


def micro(title, target, key="ns"):
    return Figure(title, key, "µs", target, scale=1e-3)


def rate(title, target, key="rate"):
    return Figure(title, key, "M/s", target, more_is_better=True, scale=1e-6)


def latency(title, key, target=None, unit="µs", scale=1):
    return Figure(title, key, unit, target, quantile=True, scale=scale)


def restarts(kids, kills, p50, p99):
    name, numbers = f"restarts_{kids}", f"restarts {kids} {kills} 0"
    text = f"supervisor restart, {kids:,} children, one_for_one"
    go = numbers if kids == 10000 else None
    return Case(name, [latency(text + ", p50", "p50_us", p50),
                       latency(text + ", p99", "p99_us", p99)], numbers, numbers, go)


CASES = [
    Case("spawn_turn", [micro("spawn + exit, with a turn of its own", 0.15)],
         "spawn_turn 5000000", "spawn_turn 3000000", "spawn_turn 3000000", quick=10),
    Case("spawn_init", [micro("spawn + exit, all of it in init", 0.15)], "spawn_init 5000000",
         quick=10),
    Case("memory", [Figure("idle supervised gen_server, 64 B of state, resident each, 1,000,000",
                           "bytes_each", "B", 350),
                    Figure("supervisor:start_child, one after the other", "start_ns", "µs",
                           scale=1e-3)],
         "memory 1000000", "memory 1000000", "memory 1000000", quick=10),
    Case("memory_hibernated", [Figure("the same, hibernated on the BEAM", "bytes_each", "B")],
         "memory 1000000", "memory_hibernated 1000000", quick=10),
    Case("memory_10M", [Figure("10,000,000 in one node, resident each", "bytes_each", "B", 350)],
         "memory 10000000", quick=100, once=True, needs_mib=8000),
    Case("call", [micro("gen_server call, one scheduler", 0.15)],
         "call 5000000", "call 2000000", "call 2000000", quick=10),
    Case("pingpong", [micro("ping-pong round trip", 0.10)],
         "pingpong 10000000", "pingpong 5000000", "pingpong 2000000", quick=10),
    Case("fan_in", [rate("fan-in, 10 senders, one scheduler", 35)],
         "fan_in 10 10000000", "fan_in 10 10000000", "fan_in 10 5000000"),
    Case("fan_out", [rate("1 to 1,000 fan-out", 25)],
         "fan_out 1000 10000", "fan_out 1000 5000", "fan_out 1000 3000"),
    Case("timers", [rate("timer start", 15, "start_rate"), rate("timer cancel", 15, "cancel_rate")],
         "timers 1000000", "timers 1000000", quick=10),
    restarts(10000, 5000, 1.5, 8),
    restarts(100000, 2000, 2, 10),
    Case("intensity", [latency("50,000 restarts in one period: the first 1,000, p50",
                               "first_p50_us"),
                       latency("the last 1,000, p50", "last_p50_us")],
         "intensity 50000", "intensity 50000", quick=10),
    Case("shutdown", [Figure("ordered shutdown of 100,000 children", "ms", "ms", 50)],
         "shutdown 100000", "shutdown 100000", quick=10),
    Case("cascade", [Figure("link cascade of 10,000, each death", "us", "µs", 0.3)],
         "cascade 10000", "cascade 10000"),
    Case("tick", [latency("1 ms tick beside 100 busy processes, equal priority, p99.9 late",
                          "p999_us", 5, "ms", 1e-3)],
         "tick 100 5000", "tick 100 5000", "tick 100 5000"),
    Case("tick_high", [latency("the same, high priority, p99.9 late", "p999_us", 1, "ms", 1e-3)],
         "tick_high 100 5000", "tick_high 100 5000"),
    Case("tick_bare", [latency("the bare OS timer, nothing beside it, p99.9 late", "p999_us", None,
                               "ms", 1e-3)],
         "tick_bare 1 5000"),
]


def number(value):
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def with_unit(value, unit):
    return "" if value is None else f"{number(value)} {unit}".strip()


def say(text):
    print(text, flush=True)


def shorter(numbers, divisor):
    name, *rest = numbers.split()
    rest = [int(n) for n in rest]
    return [name] + [str(n if i > 0 else max(1, n // divisor)) for i, n in enumerate(rest)]


def parse(line):
    pairs = re.findall(r"(\w+)=(\S+)", line)
    return {key: float(value) for key, value in pairs if key != "case"}


def run(command):
    """The figures of a run, or None with a word about why."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PEER_SECONDS,
                              cwd=PEERS, check=False)
    except subprocess.TimeoutExpired:
        say(f"  {' '.join(command)}: not done after {PEER_SECONDS} s")
        return None
    if done.returncode != 0 or not done.stdout.startswith("case="):
        say(f"  {' '.join(command)}: ended with {done.returncode}: {done.stderr.strip()[-300:]}")
        return None
    return parse(done.stdout)


def prepare_peers():
    """Compile what is installed; what a runtime's command line begins with."""
    os.makedirs(PEERS, exist_ok=True)
    sources = os.path.join(SOURCE, "tests/bench/peers")
    commands = {"weft": [OURS]}
    if shutil.which("erl") and shutil.which("erlc"):
        subprocess.run(["erlc", "-o", PEERS, os.path.join(sources, "otp_bench.erl")], check=True)
        commands["erlang"] = ["erl", "-noshell", "-kernel", "logger_level", "none", "+P",
                              "20000000", "-run", "otp_bench", "main"]
    else:
        say("no Erlang beside ours: apt-get install erlang-base")
    if shutil.which("go"):
        subprocess.run(["go", "build", "-o", os.path.join(PEERS, "otp_bench_go"),
                        os.path.join(sources, "otp_bench.go")], check=True)
        commands["go"] = [os.path.join(PEERS, "otp_bench_go")]
    else:
        say("no Go beside ours: apt-get install golang-go")
    return commands


def available_mib():
    with open("/proc/meminfo", encoding="utf-8") as file:
        return int(re.search(r"MemAvailable:\s+(\d+)", file.read()).group(1)) // 1024


def measure(case, commands, rounds, quick):
    if available_mib() < case.needs_mib:
        say(f"{case.name}: left out, needs {case.needs_mib} MiB of free memory")
        return
    numbers = {"weft": case.ours, "erlang": case.erlang, "go": case.go}
    for turn in range(1 if case.once else rounds):
        for runtime, command in commands.items():
            if numbers[runtime] is None:
                continue
            args = shorter(numbers[runtime], case.quick if quick else 1)
            figures = run(command + args)
            if figures is not None:
                case.runs[runtime].append(figures)
                told = " ".join(f"{key}={value:g}" for key, value in figures.items())
                say(f"{case.name} {runtime} {turn + 1}: {told}")


def rows(cases):
    for case in cases:
        for figure in case.figures:
            erlang, go, ours = (figure.of(case.runs[name]) for name in ("erlang", "go", "weft"))
            yield [figure.title, with_unit(erlang, figure.unit), with_unit(go, figure.unit),
                   with_unit(ours, figure.unit), figure.ratio(erlang, ours),
                   figure.ratio(go, ours), figure.target_text(), figure.met(ours),
                   *figure.target_as_ratios(case, erlang, go, ours)]


def table(cases):
    head = ["what", "BEAM", "Go", "Weft", "Weft : BEAM", "Weft : Go", "target", "met",
            "the target by its peers", "met"]
    lines = [head, ["---"] * len(head), *rows(cases)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def first_line(command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        found = re.search(r"model name\s*:\s*(.+)", file.read())
    return found.group(1).strip() if found else platform.machine()


def conditions(commands, rounds):
    peers = []
    if "erlang" in commands:
        release = first_line(["erl", "-noshell", "-eval", 'io:put_chars(erlang:system_info('
                              'otp_release)), halt(0).'])
        peers.append(f"Erlang/OTP {release}")
    if "go" in commands:
        peers.append(first_line(["go", "version"]).split()[2].replace("go", "Go "))
    beside = ", ".join(peers) if peers else "no peer installed"
    return (f"{processor()}, {os.cpu_count()} cores; {beside}; {rounds} rounds by turns, load "
            f"before the run {os.getloadavg()[0]:.1f}.")


def write(text):
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(f"{head}{BEGIN}\n{text}\n{END}{tail}")
    say(f"written to {os.path.relpath(PAGE, SOURCE)}")


def main():
    parser = argparse.ArgumentParser(prog="./dev bench otp")
    parser.add_argument("cases", nargs="*", metavar="CASE")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    known = [case.name for case in CASES]
    unknown = [name for name in options.cases if name not in known]
    if unknown:
        print(f"otp: no case {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    chosen = [case for case in CASES if not options.cases or case.name in options.cases]
    commands = prepare_peers()
    before = conditions(commands, options.rounds)
    for case in chosen:
        measure(case, commands, options.rounds, options.quick)
    text = f"{before}\n\n{table(chosen)}"
    say("\n" + text)
    if not options.cases and not options.quick:
        write(text)
    return 0


sys.exit(main())
