"""Readers of what `weft trace` exports, as strict as their formats: each raises on what is wrong.

They share no code with the exports. Those of other people are used where there are any: tshark,
jsonschema, the parser of prometheus_client, dot."""
import base64
import collections
import json
import os
import re
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))


class Wrong(AssertionError):
    """What is exported is not what its format or the trace says."""


def hold(condition, text):
    if not condition:
        raise Wrong(text)


# --- pcapng ---

PCAPNG_FIELDS = ["frame.number", "frame.time_epoch", "frame.interface_name", "frame.protocols",
                 "frame.comment", "frame.packet_id", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst",
                 "udp.srcport", "udp.dstport", "ip.checksum.status", "udp.checksum.status",
                 "udp.payload", "_ws.malformed", "_ws.expert.severity"]
CHECKSUM_GOOD = "1"
SEVERITY_WARN = 0x00600000


def tshark(*args):
    run = subprocess.run(["tshark", *args], capture_output=True, text=True, timeout=300, check=False)
    hold(run.returncode == 0, f"tshark: {run.stderr}")
    return run.stdout


def pcapng(path):
    """Each packet as a dict, read by tshark: nothing malformed, every checksum right, all of it
    the DHT's."""
    fields = [word for field in PCAPNG_FIELDS for word in ("-e", field)]
    out = tshark("-r", path, "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE",
                 "-T", "fields", "-E", "separator=/t", "-E", "aggregator=|", *fields)
    packets = [dict(zip(PCAPNG_FIELDS, line.split("\t"))) for line in out.splitlines()]
    for packet in packets:
        name = f"{path}, packet {packet['frame.number']}"
        hold(not packet["_ws.malformed"], f"{name}: malformed")
        hold(packet["frame.protocols"].endswith(":udp:bt-dht"), f"{name}: {packet['frame.protocols']}")
        hold(packet["ip.checksum.status"] in ("", CHECKSUM_GOOD), f"{name}: IP's checksum")
        hold(packet["udp.checksum.status"] == CHECKSUM_GOOD, f"{name}: UDP's checksum")
        for severity in filter(None, packet["_ws.expert.severity"].split("|")):
            hold(int(severity, 0) < SEVERITY_WARN, f"{name}: expert severity {severity}")
    return packets


# --- Trace Event Format ---


def perfetto(path):
    """The object, after its schema and what no schema can say."""
    import jsonschema
    with open(path, encoding="utf-8") as file:
        trace = json.load(file, object_pairs_hook=unique)
    with open(os.path.join(HERE, "trace_event.schema.json"), encoding="utf-8") as file:
        jsonschema.Draft7Validator(json.load(file)).validate(trace)
    judge_events(trace["traceEvents"])
    return trace


def unique(pairs):
    keys = [key for key, _ in pairs]
    hold(len(keys) == len(set(keys)), f"a key twice: {keys}")
    return dict(pairs)


def judge_events(events):
    """Slices nest and end, asynchronous ones too, arrows begin and end in slices, tracks have
    names."""
    stacks, spans, arrows = collections.defaultdict(list), {}, {}
    named = set()
    for event in events:
        if event["ph"] == "M":
            if event["name"] == "thread_name":
                named.add((event["pid"], event["tid"]))
    # As viewers do: by time, and where that is the same as they stand.
    timed = sorted((event for event in events if event["ph"] != "M"), key=lambda event: event["ts"])
    for event in timed:
        phase, track = event["ph"], (event["pid"], event.get("tid"))
        hold(track in named, f"on a track without name: {event}")
        if phase == "B":
            stacks[track].append(event)
        elif phase == "E":
            hold(stacks[track], f"ends nothing: {event}")
            stacks[track].pop()
        elif phase in "bne":
            judge_span(spans, event)
        elif phase in "sf":
            hold(stacks[track], f"an arrow outside of a slice: {event}")
            judge_arrow(arrows, event)
    hold(not any(stacks.values()), "slices that never end")
    hold(not spans, f"spans that never end: {list(spans)[:3]}")


def judge_span(spans, event):
    key = (event["pid"], event["cat"], event["id2"]["local"])
    if event["ph"] == "b":
        hold(key not in spans, f"begins twice: {event}")
        spans[key] = event["name"]
    else:
        hold(spans.get(key) == event["name"], f"not begun, or by another name: {event}")
    if event["ph"] == "e":
        del spans[key]


def judge_arrow(arrows, event):
    if event["ph"] == "s":
        hold(event["id"] not in arrows, f"begins twice: {event}")
        arrows[event["id"]] = "open"
    else:
        hold(arrows.get(event["id"]) == "open", f"an arrow's end without beginning: {event}")
        hold(event["bp"] == "e", f"does not end in the slice around it: {event}")
        arrows[event["id"]] = "ended"


# --- ShiViz ---


def shiviz(path):
    """(host, clock, text) of each event: parsed by the expression of the first line as ShiViz's
    js/model/parser.js does, then judged as its js/model/modelGraph.js does, and as vector clocks
    are."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    expression, delimiter, log = text.split("\n", 2)
    hold(delimiter == "", "a delimiter, of one execution")
    parser = re.compile(expression.replace("(?<", "(?P<"), re.M)
    hold({"host", "clock", "event"} <= parser.groupindex.keys(), "a group is missing")
    hold(parser.sub("", log).strip("\n") == "", "lines that the expression does not match")
    # Somebody pastes the whole file: its first lines are no events.
    hold(len(parser.findall(text)) == len(parser.findall(log)), "the expression matches itself")
    events = [(match["host"], json.loads(match["clock"], object_pairs_hook=unique), match["event"])
              for match in parser.finditer(log)]
    judge_clocks(events)
    return events


def judge_clocks(events):
    own = collections.defaultdict(list)  # by host: the clock at each of its events
    for host, clock, text in events:
        hold(clock.get(host) == len(own[host]) + 1, f"{host} does not count by one: {clock} {text}")
        before = own[host][-1] if own[host] else {}
        for name, count in before.items():
            hold(clock.get(name, 0) >= count, f"{host} forgets {name}: {clock} {text}")
        own[host].append(clock)
    for host, clock, text in events:
        for name, count in clock.items():
            hold(1 <= count <= len(own[name]), f"{host} knows of no event {count} of {name}: {text}")
            for other, known in own[name][count - 1].items():
                hold(clock.get(other, 0) >= known, f"{host} knows {name}:{count}, not what it knew")


# --- OpenMetrics ---


def openmetrics(path):
    """{(sample's name, its labels sorted): value}"""
    from prometheus_client.openmetrics.parser import text_string_to_metric_families
    with open(path, encoding="utf-8", newline="") as file:
        families = list(text_string_to_metric_families(file.read()))
    samples = {}
    for family in families:
        hold(family.documentation, f"{family.name}: no HELP")
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            hold(key not in samples, f"twice: {key}")
            samples[key] = sample.value
    return samples


# --- JSON lines ---


def jsonl(path):
    with open(path, encoding="utf-8") as file:
        events = [json.loads(line, object_pairs_hook=unique) for line in file]
    for event in events:
        hold(list(event)[:3] == ["at", "node", "event"], f"begins otherwise: {event}")
    return events


def text_of(event):
    """A line of JSON as `weft trace` prints it: written from what the trace file's manual says."""
    node = "-" if event["node"] is None else f"node {event['node']}"
    fields = [f"{name}={value_text(value)}" for name, value in event.items()
              if name not in ("at", "node", "event")]
    return " ".join([f"{event['at'] // 10**9}.{event['at'] % 10**9 // 1000:06d} s", node,
                     event["event"], *fields])


def value_text(value):
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ",".join(one[:8] for one in value)
    if isinstance(value, dict):
        base64.b64decode(value["payload"], validate=True)
        return "packet"
    return str(value)


# --- Graphviz ---


def dot(path):
    """(nodes by name with their attributes, edges as pairs), read by dot itself."""
    run = subprocess.run(["dot", "-Tjson0", path], capture_output=True, text=True, timeout=300, check=False)
    hold(run.returncode == 0 and run.stderr == "", f"dot: {run.stderr}")
    graph = json.loads(run.stdout)
    objects = {one["_gvid"]: one for one in graph["objects"]}
    nodes = {one["name"]: one for one in objects.values() if "nodes" not in one and "shape" in one}
    edges = [(objects[edge["tail"]]["name"], objects[edge["head"]]["name"], edge)
             for edge in graph.get("edges", [])]
    return nodes, edges
