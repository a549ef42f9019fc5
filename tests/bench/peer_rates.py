"""Parts of the simulator beside other simulators: ./dev bench queue, ./dev bench message.

    peer_rates.py queue [hold|mixed|timers] [n ...]     words as for bench_queue
    peer_rates.py message [nodes ...]                   default 10000 100000 1000000

Each size is a run of our program, then one of each peer. Peers are built here, with what the machine
has: libns3-dev and a C++ compiler, libsimgrid-dev; one that cannot be built is left out, and a line
says so. A peer has a minute of the processor's time for a row, and is left out where it would need
more or where memory is short."""
import os
import subprocess
import sys
from dataclasses import dataclass

SOURCE = os.environ.get("WEFT_SOURCE", os.getcwd())
BENCH = os.path.join(os.path.dirname(os.environ.get("WEFT_BIN", os.path.join(SOURCE, "build/bin"))),
                     "bench")
PEERS = os.path.join(BENCH, "peers")
SECONDS, WALL_MAX = 60, 600
MESSAGES = 200000
QUEUE = ["hold", "10000", "1000000", "10000000", "mixed", "1000000", "timers", "1000000"]
MESSAGE = ["10000", "100000", "1000000"]

NS3 = ["ns3-core", "ns3-network", "ns3-internet", "ns3-point-to-point"]
# How each is compiled. ns-3's pkg-config asks for the headers of all that it was built with, so
# its libraries are named here.
COMPILE = {
    "ns3_queue": ["g++", "-std=c++17", "ns3_queue.cc", "-lns3-core"],
    "ns3_message": ["g++", "-std=c++17", "ns3_message.cc"] + ["-l" + name for name in NS3],
    "simgrid_message": ["gcc", "-std=c11", "simgrid_message.c", "-lsimgrid"],
}


@dataclass
class Peer:
    """A program of tests/bench/peers, and up to which size it is asked."""
    name: str
    program: str
    words: list
    most: int
    bytes_each: int     # a node or event, about: it needs as much free memory


QUEUE_PEERS = [Peer("ns-3 PriorityQueue", "ns3_queue", [], 10000000, 200)]
MESSAGE_PEERS = [
    Peer("SimGrid from C, an actor a host", "simgrid_message", [], 100000, 30000),
    Peer("ns-3 SimpleNetDevice, no IP", "ns3_message", ["simple"], 100000, 7000),
    Peer("ns-3 UDP, point to point", "ns3_message", ["udp"], 10000, 40000),
]


def say(text):
    print(text, flush=True)


def build(program):
    """Whether it could be built."""
    source = os.path.join(SOURCE, "tests/bench/peers")
    command = [os.path.join(source, word) if word.endswith((".c", ".cc")) else word
               for word in COMPILE[program]]
    command[1:1] = ["-O2", "-I", SOURCE, "-o", os.path.join(PEERS, program)]
    os.makedirs(PEERS, exist_ok=True)
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError:
        say(f"peer {program}: no {command[0]}, left out")
        return False
    except subprocess.CalledProcessError as error:
        first = next((line for line in error.stderr.splitlines() if "error" in line), "")
        say(f"peer {program}: cannot be built, left out: {first}")
        return False
    return True


def available():
    with open("/proc/meminfo", encoding="ascii") as file:
        fields = dict(line.split(":") for line in file)
    return int(fields["MemAvailable"].split()[0]) * 1024


def fields_of(text):
    """The key=value pairs of a row."""
    return dict(word.split("=", 1) for word in text.split() if "=" in word)


def ours(program, words):
    """Our row, shown and taken apart."""
    result = subprocess.run([os.path.join(BENCH, program), *words], stdout=subprocess.PIPE,
                            text=True, check=False)
    say(result.stdout.rstrip())
    if result.returncode != 0:
        raise SystemExit(f"{program} {' '.join(words)}: exit {result.returncode}")
    return fields_of(result.stdout)


def theirs(peer, size, words):
    """A peer's row taken apart, or None, and a line which says why."""
    if size > peer.most:
        return None
    if available() < size * peer.bytes_each:
        say(f"peer {peer.name}: {size * peer.bytes_each >> 20} MiB for {size} are not free, left out")
        return None
    command = [os.path.join(PEERS, peer.program), *peer.words, *words]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=WALL_MAX,
                                check=False)
    except subprocess.TimeoutExpired:
        say(f"peer {peer.name}: more than {WALL_MAX} s for {size}, left out")
        return None
    if result.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: exit {result.returncode} {result.stderr}")
    return fields_of(result.stdout)


def queue(words, peers):
    what = "hold"
    for word in words:
        if not word.isdigit():
            what = word
            continue
        row = ours("bench_queue", [what, word])
        for peer in peers if what != "timers" else []:
            other = theirs(peer, int(word), [what, word])
            if other is None:
                continue
            if other["check"] != row["check"]:
                raise SystemExit(f"{peer.name} popped other times than the queue")
            ratio = float(other["ns"]) / float(row["queue_ns"])
            say(f"queue {what} n={word} peer='{peer.name}' peer_ns={other['ns']} "
                f"peer/queue={ratio:.2f}")


def message(words, peers):
    for word in words:
        row = ours("bench_message", [word])
        for peer in peers:
            other = theirs(peer, int(word), [word, str(MESSAGES), str(SECONDS)])
            if other is None:
                continue
            ratio = float(other["ns"]) / float(row["ns/message"])
            say(f"message nodes={word} peer='{peer.name}' peer_ns={other['ns']} "
                f"messages={other['messages']} peer/engine={ratio:.1f} bytes/node={other['bytes']}")


def main():
    what, words = sys.argv[1], sys.argv[2:]
    for word in words:
        if not word.isdigit() and (what != "queue" or word not in QUEUE):
            raise SystemExit(f"bench {what}: {word} is no number" +
                             (", hold, mixed or timers" if what == "queue" else ""))
    peers = QUEUE_PEERS if what == "queue" else MESSAGE_PEERS
    built = {program: build(program) for program in dict.fromkeys(peer.program for peer in peers)}
    peers = [peer for peer in peers if built[peer.program]]
    if what == "queue":
        queue(words or QUEUE, peers)
    else:
        message(words or MESSAGE, peers)


main()
