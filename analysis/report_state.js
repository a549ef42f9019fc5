/* The state of every node as of a time. Moving in time applies the changes between, or takes them
 * back: each change knows what was before it. */

class State {
  constructor(run) {
    this.run = run;
    this.applied = 0;
    this.t = run.first;
    this.fields = FIELDS.map(name => name === 'bytes' ? new Float64Array(run.nodes) : new Int32Array(run.nodes));
    FIELDS.forEach((name, i) => { this[name] = this.fields[i]; });
    this.sideOf = new Int32Array(run.nodes); /* side: the occurrence; sideOf: the side + 1 */
    this.lifeNumber = new Int32Array(run.nodes);
    this.counts = new Array(LIFE_NAMES.length).fill(0);
    this.counts[LIFE.UNBORN] = run.nodes;
    this.remember();
  }

  /* What was before each change, by applying all of them once. */
  remember() {
    const {node, kind, b, count} = this.run.changes;
    this.before = new Float64Array(count);
    this.beforeB = new Float64Array(count);
    for (let i = 0; i < count; i++) {
      this.before[i] = this.fields[kind[i]][node[i]];
      this.beforeB[i] = kind[i] === 1 ? this.sideOf[node[i]] : kind[i] === 0 ? this.lifeNumber[node[i]] : 0;
      this.set(i, this.run.changes.a[i], b[i]);
    }
    this.applied = count;
    this.seek(this.run.first - 1);
  }

  set(i, a, b) {
    const {node, kind} = this.run.changes, field = kind[i], who = node[i];
    if (field === 0) {
      this.counts[this.life[who]]--;
      this.counts[a]++;
      this.lifeNumber[who] = b;
    } else if (field === 1) this.sideOf[who] = b;
    this.fields[field][who] = a;
  }

  seek(t) {
    const {at, a, b} = this.run.changes, to = beyond(at, t);
    while (this.applied < to) { this.set(this.applied, a[this.applied], b[this.applied]); this.applied++; }
    while (this.applied > to) { this.applied--; this.set(this.applied, this.before[this.applied], this.beforeB[this.applied]); }
    this.t = t;
  }

  /* The side + 1 on which a partition that is on has the node; 0: on none. */
  sideNow(node) {
    if (this.sideOf[node] === 0) return 0;
    const one = this.run.occurrences[this.side[node]];
    return one.on <= this.t && !(one.off <= this.t) ? this.sideOf[node] : 0;
  }

  isUp(node) { return this.life[node] === LIFE.UP || this.life[node] === LIFE.JOINED; }
  upCount() { return this.counts[LIFE.UP] + this.counts[LIFE.JOINED]; }
  downCount() { return this.counts.slice(LIFE.DOWN).reduce((sum, one) => sum + one, 0); }
}

/* --- of one node --- */

/* Processes that live at t, by pid, each with the list of its children. */
function processesAt(run, node, t) {
  const {at, kind, a, b, c, text} = run.tree, alive = new Map(), restarts = new Map();
  for (const i of run.treeOf(node)) {
    if (at[i] > t) break;
    const one = alive.get(a[i]);
    if (kind[i] === TREE.CLEAR) { alive.clear(); restarts.clear(); }
    else if (kind[i] === TREE.START) alive.set(a[i], {pid: a[i], parent: b[i], name: run.strings[text[i]], since: at[i], children: []});
    else if (kind[i] === TREE.EXIT) alive.delete(a[i]);
    else if (one && kind[i] === TREE.SUP) Object.assign(one, {strategy: b[i], intensity: c[i]});
    else if (one && kind[i] === TREE.CHILD) {
      const key = one.parent + ' ' + run.strings[text[i]];
      if (c[i]) restarts.set(key, (restarts.get(key) || 0) + 1);
      Object.assign(one, {id: run.strings[text[i]], restart: b[i], again: restarts.get(key) || 0});
    }
  }
  const roots = [];
  for (const one of alive.values()) (alive.get(one.parent)?.children || roots).push(one);
  return {roots, count: alive.size};
}

const hasTree = (run, node) => node % run.tree.stride === 0;
const hasOverlay = (run, node) => node % run.overlay.stride === 0;

/* Contacts at t: nodes, and the ids of which no node is known. */
function contactsAt(run, node, t) {
  const {at, kind, a, text} = run.overlay, nodes = new Set(), ids = new Set();
  for (const i of run.overlayOf(node)) {
    if (at[i] > t) break;
    if (kind[i] === 2) { nodes.clear(); ids.clear(); continue; }
    const set = a[i] > 0 ? nodes : ids, key = a[i] > 0 ? a[i] - 1 : run.strings[text[i]];
    if (kind[i] === 1) set.add(key); else set.delete(key);
  }
  return {nodes: [...nodes].sort((x, y) => x - y), ids: [...ids]};
}

/* The address a node had at t. */
function addressAt(run, node, t) {
  const {at, kind, a, text} = run.changes;
  let address = '';
  for (const i of run.changesOf(node)) {
    if (at[i] > t && address) break;
    if (kind[i] === 0 && a[i] === LIFE.UP && text[i]) address = run.strings[text[i]];
  }
  return address;
}

/* How many nodes were joined, up and down at the end of each of `steps` parts of the run. */
function historyOf(run, steps) {
  const {at, node, kind, a, count} = run.changes, life = new Uint8Array(run.nodes), rows = [];
  let joined = 0, up = 0, down = 0, i = 0;
  const add = (state, by) => {
    if (state === LIFE.JOINED) joined += by; else if (state === LIFE.UP) up += by; else if (state >= LIFE.DOWN) down += by;
  };
  for (let step = 1; step <= steps; step++) {
    const end = run.first + run.span * step / steps;
    for (; i < count && at[i] <= end; i++) {
      if (kind[i] !== 0) continue;
      add(life[node[i]], -1);
      add(life[node[i]] = a[i], 1);
    }
    rows.push({joined, up, down});
  }
  return rows;
}
