"""What a page has to say of a trace, worked out anew from the lines of `weft trace`."""

import re
import subprocess

LINE = re.compile(r"\s*(\d+)\.(\d+) s  (?:node (\d+)|-)\s+([a-z_.]+)\s*(.*)")
LIFE = {"up": 1, "joined": 2, "down": 3}


def events(weft, trace, *kinds):
    """(us, node or None, kind, fields) of each event."""
    options = [part for kind in kinds for part in ("--kind", kind)]
    process = subprocess.Popen([weft, "trace", trace, *options], stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        found = LINE.match(line)
        assert found, line
        seconds, micros, node, kind, rest = found.groups()
        fields = dict(part.split("=", 1) for part in rest.split(" ") if "=" in part)
        yield (int(seconds) * 1000000 + int(micros), None if node is None else int(node), kind,
               fields)
    process.stdout.close()
    assert process.wait() == 0


class Mesh:
    """The nodes as of a time; told events in order."""

    def __init__(self):
        self.life, self.lives, self.degree, self.procs, self.restarts, self.faults = \
            {}, {}, {}, {}, {}, {}
        self.contacts, self.trees, self.owner, self.sides, self.on = {}, {}, {}, {}, set()

    def tell(self, node, kind, fields):
        handler = getattr(self, "on_" + kind.replace(".", "_"), None)
        if handler:
            handler(node, fields)

    def on_node_up(self, node, fields):
        self.life[node], self.lives[node] = LIFE["up"], int(fields["life"])

    def on_node_down(self, node, fields):
        self.life[node] = LIFE["down"] + int(fields["cause"])
        self.degree[node], self.procs[node] = 0, 0
        self.contacts[node], self.trees[node] = set(), {}

    def on_dht_up(self, node, fields):
        self.owner[fields["id"]] = node
        if self.life[node] == LIFE["joined"]:
            self.life[node] = LIFE["up"]
        self.degree[node], self.contacts[node] = 0, set()

    def on_dht_down(self, node, fields):
        self.degree[node], self.contacts[node] = 0, set()

    def on_dht_joined(self, node, fields):
        self.life[node] = LIFE["joined"]

    def on_dht_table(self, node, fields):
        self.degree[node] = int(fields["contacts4"]) + int(fields["contacts6"])

    def on_dht_contact(self, node, fields):
        change = self.contacts[node].add if fields["on"] == "yes" else self.contacts[node].discard
        change(fields["peer"])

    def on_proc_start(self, node, fields):
        self.procs[node] = self.procs.get(node, 0) + 1
        self.trees.setdefault(node, {})[int(fields["pid"], 16)] = \
            (int(fields["parent"], 16), fields["name"].strip('"'))

    def on_proc_exit(self, node, fields):
        self.procs[node] -= 1
        del self.trees[node][int(fields["pid"], 16)]

    def on_sup_restart(self, node, fields):
        self.restarts[node] = self.restarts.get(node, 0) + 1

    def on_fault_on(self, node, fields):
        self.on.add((fields["fault"], fields["occurrence"]))

    def on_fault_off(self, node, fields):
        self.on.discard((fields["fault"], fields["occurrence"]))

    def on_fault_bit(self, node, fields):
        if node is not None:
            self.faults[node] = self.faults.get(node, 0) + 1

    def on_fault_side(self, node, fields):
        self.sides[node] = ((fields["fault"], fields["occurrence"]), int(fields["side"]) + 1)

    def side(self, node):
        occurrence, side = self.sides.get(node, (None, 0))
        return side if occurrence in self.on else 0

    def row(self, node):
        """As the page has it: life, life's number, side, contacts, processes, restarts, faults."""
        return [self.life.get(node, 0), self.lives.get(node, 0), self.side(node),
                self.degree.get(node, 0), self.procs.get(node, 0), self.restarts.get(node, 0),
                self.faults.get(node, 0)]

    def neighbours(self, node):
        return sorted(self.owner[one] for one in self.contacts.get(node, ()))

    def tree(self, node):
        """{(pid, parent, name)}; the parent is 0 when it does not live."""
        tree = self.trees.get(node, {})
        return sorted((pid, parent if parent in tree else 0, name)
                      for pid, (parent, name) in tree.items())


KINDS = ("node.up", "node.down", "dht.up", "dht.down", "dht.joined", "dht.table", "dht.contact", "proc",
         "sup.restart", "fault")


def at_times(weft, trace, times):
    """Yield (time, Mesh) for ascending times; the mesh goes on when the next is asked for."""
    mesh, source = Mesh(), events(weft, trace, *KINDS)
    one = next(source, None)
    for time in times:
        while one is not None and one[0] <= time:
            mesh.tell(*one[1:])
            one = next(source, None)
        yield time, mesh
    for _ in source:  # so that it ends by itself
        pass
