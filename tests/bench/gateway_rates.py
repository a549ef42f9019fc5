"""Echo gateways under load, ours beside Erlang's: ./dev bench gateway [load|poison|swap|many ...].

    load    CONNS connections, MSGS messages a second
    poison  the same while 1 % of the connections a second get a message whose handler crashes
    swap    10,000 connections; their handler is upgraded while it runs, then rolled back
    many    six gateway processes and 100,000 connections, of which 18,000 are used: descriptors
            are capped per process on some machines

Runs in a network namespace of its own when it may make one (root), else on the machine's
loopback. Every run is bounded in time."""
import argparse
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

SOURCE = os.environ.get("WEFT_SOURCE", os.getcwd())
BUILD = os.path.dirname(os.environ.get("WEFT_BIN", os.path.join(SOURCE, "build/bin")))
PEERS = os.path.join(BUILD, "bench/peers")
LOADGEN = os.path.join(BUILD, "bench/bench_loadgen")
PORT, MANY = 29000, 6
INSIDE = "WEFT_BENCH_NAMESPACE"


def into_namespace():
    """Start over in a network namespace, where nobody else is and every port is free."""
    if os.environ.get(INSIDE) or os.geteuid() != 0 or not shutil.which("unshare"):
        return
    os.environ[INSIDE] = "1"
    shell = ("ip link set lo up && sysctl -qw net.core.somaxconn=8192 "
             "net.ipv4.tcp_max_syn_backlog=8192; exec \"$@\"")
    os.execvp("unshare", ["unshare", "--net", "sh", "-c", shell, "sh", sys.executable, *sys.argv])


def gateways():
    bench = os.path.join(BUILD, "bench/bench_gateway")
    known = {"weft": ([bench], [f"{bench}_v1.so", f"{bench}_v2.so"])}
    if shutil.which("erl") and shutil.which("erlc"):
        source = os.path.join(SOURCE, "tests/bench/peers")
        folders = [os.path.join(PEERS, f"v{version}") for version in (1, 2)]
        for folder in [PEERS, *folders]:
            os.makedirs(folder, exist_ok=True)
        subprocess.run(["erlc", "-o", PEERS, os.path.join(source, "otp_gateway.erl")], check=True)
        for version, folder in enumerate(folders, 1):
            subprocess.run(["erlc", f"-DVERSION={version}", "-o", folder,
                            os.path.join(source, "otp_connection.erl")], check=True)
        known["erlang"] = (["erl", "-noshell", "-noinput", "-kernel", "logger_level", "none", "+P",
                            "1048576", "+Q", "1048576", "-run", "otp_gateway", "main"], folders)
    else:
        print("no Erlang beside ours: apt-get install erlang-base", flush=True)
    return known


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))


def start(command, port):
    """The crash reports of ours go into a file."""
    os.makedirs(PEERS, exist_ok=True)
    with open(os.path.join(PEERS, "gateway.log"), "w", encoding="utf-8") as log:
        process = subprocess.Popen(command[0] + [str(port)] + command[1], cwd=PEERS,
                                   stdout=subprocess.PIPE, stderr=log, text=True)
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process
        if process.poll() is not None:
            break
        time.sleep(0.05)
    process.kill()
    raise RuntimeError(f"{command[0][0]} does not listen on {port}")


def stop(process):
    """What it has to say at its end."""
    process.send_signal(signal.SIGTERM)
    try:
        said, _ = process.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        said, _ = process.communicate()
    found = [line for line in said.splitlines() if line.startswith("gateway ")]
    return found[0] if found else ""


def figures(line):
    return {key: float(value) for key, value in re.findall(r"(\w+)=([\d.]+)", line)}


def measure(command, load, processes):
    running = []
    try:
        for i in range(processes):
            running.append(start(command, PORT + i))
        idle = sum(resident_kib(process.pid) for process in running)
        args = [f"{key}={value}" for key, value in load.items()]
        if "swap" in load:
            args[-1] = f"swap={running[0].pid}"
        done = subprocess.run([LOADGEN, f"port={PORT}", f"ports={processes}", *args],
                              capture_output=True, text=True, timeout=300, check=True)
        result = figures(done.stdout)
        result["kib"] = sum(resident_kib(process.pid) for process in running) - idle
    finally:
        said = [stop(process) for process in running]
    if processes == 1:
        result.update({"gateway_" + key: value for key, value in figures(said[0]).items()})
    return result


HEAD = ["test", "gateway", "open", "messages/s", "p50", "p99", "p99.9", "worst", "poisoned",
        "innocents lost, messages unanswered", "near a crash: p99.9, worst", "far from one: p99.9, worst",
        "a crash, until the next handler: first, mean, worst; processor time: first, mean",
        "worst around upgrade, rollback; of other half seconds: median, worst; the calls", "bytes a connection"]


def us(value):
    return f"{value / 1000:.2f} ms" if value >= 1000 else f"{value:.0f} µs"


def row(test, name, load, result):
    near = far = crash = swap = ""
    if result["poisoned"] > 0:
        near = f"{us(result['near_p999_us'])}, {us(result['near_max_us'])}"
        far = f"{us(result['far_p999_us'])}, {us(result['far_max_us'])}"
    if result.get("gateway_crashes"):
        wall = [us(result[f"gateway_crash_{which}_us"]) for which in ("first", "mean", "max")]
        cpu = [us(result[f"gateway_crash_cpu_{which}_us"]) for which in ("first", "mean")]
        crash = f"{', '.join(wall)}; {', '.join(cpu)}"
    if "swap_up_max_us" in result:
        swap = (f"{us(result['swap_up_max_us'])}, {us(result['swap_down_max_us'])}; "
                f"{us(result['swap_other_median_max_us'])}, {us(result['swap_other_max_us'])}")
        if "gateway_upgrade_max_us" in result:
            swap += (f"; {us(result['gateway_upgrade_max_us'])}, "
                     f"{us(result['gateway_rollback_max_us'])}")
    return [test, name, f"{result['open']:,.0f}", f"{result['echoed'] / load['secs']:,.0f}",
            us(result["all_p50_us"]), us(result["all_p99_us"]), us(result["all_p999_us"]),
            us(result["all_max_us"]), f"{result['poisoned']:,.0f}",
            f"{result['innocent_lost']:,.0f}, {result['unanswered']:,.0f}", near, far, crash, swap,
            f"{result['kib'] * 1024 / max(result['open'], 1):,.0f}"]


def main():
    parser = argparse.ArgumentParser(prog="./dev bench gateway")
    parser.add_argument("tests", nargs="*", metavar="TEST")
    parser.add_argument("--conns", type=int, default=18000)
    parser.add_argument("--msgs", type=int, default=20000)
    parser.add_argument("--secs", type=int, default=10)
    options = parser.parse_args()
    wanted = options.tests or ["load", "poison", "swap", "many"]
    unknown = [test for test in wanted if test not in ("load", "poison", "swap", "many")]
    if unknown:
        print(f"gateway: no test {', '.join(unknown)}; load, poison, swap, many", file=sys.stderr)
        return 2
    into_namespace()
    load = {"conns": options.conns, "msgs": options.msgs, "secs": options.secs}
    tests = {"load": (load, 1),
             "poison": ({**load, "poison": max(1, options.conns // 100)}, 1),
             "swap": ({**load, "conns": min(options.conns, 10000), "swap": 0}, 1),
             "many": ({**load, "conns": 18000, "holders": 5, "holdconns": 16400}, MANY)}
    print("| " + " | ".join(HEAD) + " |\n|" + " --- |" * len(HEAD), flush=True)
    for test in wanted:
        for name, command in gateways().items():
            result = measure(command, *tests[test])
            print("| " + " | ".join(row(test, name, load, result)) + " |", flush=True)
            print("    " + " ".join(f"{key}={value:g}" for key, value in result.items()),
                  file=sys.stderr, flush=True)
    return 0


sys.exit(main())
