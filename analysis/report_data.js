'use strict';
/* Reading what the page brings along: columns of varints, lists by node, words for numbers. */

const LIFE = {UNBORN: 0, UP: 1, JOINED: 2, DOWN: 3};
const LIFE_NAMES = ['not started', 'up', 'joined', 'ended by itself', 'stopped', 'crashed', 'killed', 'did not start'];
const FIELDS = ['life', 'side', 'restarts', 'degree', 'procs', 'faults', 'mailbox', 'bytes'];
const TREE = {START: 0, EXIT: 1, SUP: 2, CHILD: 3, CLEAR: 4};
const STRATEGIES = ['one_for_one', 'one_for_all', 'rest_for_one', 'simple_one_for_one'];
const RESTARTS = ['permanent', 'transient', 'temporary'];
const REASONS = ['normal', 'shutdown', 'kill', 'killed', 'noproc', 'error', 'fault', 'timeout', 'failed to start', 'limit', 'noconnection'];
const LOSSES = ['', 'lost by the link', 'cut by a partition', 'no such node', 'no such socket', 'lost by a fault',
  'an address that moved', 'a NAT without that port', 'refused by a NAT', 'a NAT that is full', 'hairpin at a NAT'];
const WORKS = ['', 'lookup', 'put', 'get', 'announce', 'peers'];
const LEVELS = ['', 'error', 'warning', 'info', 'debug'];

function bytesOf(base64) {
  const text = atob(base64), bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/* `count` varints; an empty column is all 0. Differences are added up when `sums`. */
function columnOf(base64, count, sums) {
  const column = new Float64Array(count);
  if (base64 === '') return column;
  const bytes = bytesOf(base64);
  let at = 0, sum = 0;
  for (let i = 0; i < count; i++) {
    let value = 0, scale = 1, byte;
    do {
      byte = bytes[at++];
      value += (byte & 127) * scale;
      scale *= 128;
    } while (byte > 127);
    sum += value;
    column[i] = sums ? sum : value;
  }
  return column;
}

function rowsOf(list) {
  const rows = {count: list.count, left_out: list.left_out, stride: list.stride, quantum: list.quantum_us};
  for (const name of ['at', 'node', 'kind', 'a', 'b', 'c', 'text']) rows[name] = columnOf(list[name], list.count, name === 'at');
  for (let i = 0; i < rows.count; i++) rows.node[i]--; /* -1: no node */
  return rows;
}

/* The first index whose value is beyond `value`, in a column that ascends. */
function beyond(column, value, from = 0, to = column.length) {
  while (from < to) {
    const mid = (from + to) >> 1;
    if (column[mid] <= value) from = mid + 1; else to = mid;
  }
  return from;
}

/* Of each node the rows it is in, in order of time. `also` names a second column with a node + 1. */
function byNode(rows, nodes, also) {
  const starts = new Uint32Array(nodes + 2);
  const each = visit => {
    for (let i = 0; i < rows.count; i++) {
      const one = rows.node[i], other = also ? rows[also][i] - 1 : -1;
      if (one >= 0 && one < nodes) visit(one, i);
      if (other >= 0 && other < nodes && other !== one) visit(other, i);
    }
  };
  each(node => starts[node + 2]++);
  for (let i = 2; i < starts.length; i++) starts[i] += starts[i - 1];
  const order = new Uint32Array(starts[nodes + 1]);
  each((node, i) => { order[starts[node + 1]++] = i; });
  return node => order.subarray(starts[node], starts[node + 1]);
}

/* Two lists as one, in order of time. */
function merged(one, other) {
  const rows = {...one, count: one.count + other.count}, names = ['at', 'node', 'kind', 'a', 'b', 'c', 'text'];
  for (const name of names) rows[name] = new Float64Array(rows.count);
  for (let i = 0, j = 0, k = 0; k < rows.count; k++) {
    const first = j === other.count || (i < one.count && one.at[i] <= other.at[j]), from = first ? one : other, at = first ? i++ : j++;
    for (const name of names) rows[name][k] = from[name][at];
  }
  return rows;
}

function readRun(data) {
  const run = {...data};
  for (const name of ['changes', 'samples', 'tree', 'overlay', 'moments', 'messages']) if (data[name]) run[name] = rowsOf(data[name]);
  run.changes = merged(run.changes, run.samples);
  run.nodes = data.nodes_count;
  run.idBytes = bytesOf(data.ids);
  run.treeOf = byNode(run.tree, run.nodes);
  run.overlayOf = byNode(run.overlay, run.nodes);
  run.momentsOf = byNode(run.moments, run.nodes);
  run.changesOf = byNode(run.changes, run.nodes);
  if (run.messages) run.messagesOf = byNode(run.messages, run.nodes, 'a');
  run.faultNames = faultNames(run);
  run.span = Math.max(1, run.last - run.first);
  return run;
}

/* The trace's lines tell what a fault's kind is called; before there are any, its text begins with it. */
function faultNames(run) {
  const names = new Map();
  for (const one of run.occurrences) if (one.text) names.set(one.kind, one.text.split(' ')[0]);
  for (const line of run.faults) names.set(line.kind, line.name);
  return names;
}

function idOf(run, node) {
  let text = '';
  for (let i = node * run.id_size; i < (node + 1) * run.id_size; i++) text += run.idBytes[i].toString(16).padStart(2, '0');
  return /^0*$/.test(text) ? '' : text;
}

/* --- words --- */

const thousands = value => Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, ',');
const seconds = us => (us / 1e6).toFixed(3);

function duration(us) {
  if (us >= 1e6) return (us / 1e6).toFixed(us >= 1e8 ? 1 : 3) + ' s';
  if (us >= 1e3) return (us / 1e3).toFixed(us >= 1e5 ? 0 : 1) + ' ms';
  return Math.round(us) + ' µs';
}

function size(bytes) {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  let unit = 0;
  for (; bytes >= 1024 && unit < 3; unit++) bytes /= 1024;
  return bytes.toFixed(unit ? 1 : 0) + ' ' + units[unit];
}

const plural = (count, word) => thousands(count) + ' ' + word + (count === 1 ? '' : word.endsWith('s') ? 'es' : 's');
const pidText = pid => '0x' + pid.toString(16);
const faultName = (run, kind) => run.faultNames.get(kind) || 'fault of kind ' + kind;

/* A moment as a sentence without its node and its time. */
function momentText(run, i) {
  const {kind, a, b, c, text} = run.moments, words = run.strings[text[i]];
  const reason = () => (REASONS[b[i]] || 'reason ' + b[i]) + (c[i] ? ' (' + c[i] + ')' : '');
  switch (run.moment_kinds[kind[i]]) {
  case 'check.failed': return checkName(run, a[i]) + ' failed: ' + words;
  case 'fault.on': return words || faultName(run, b[i]) + ' begins';
  case 'fault.off': return faultName(run, b[i]) + ' ends';
  case 'fault.bit': return faultName(run, b[i]) + ' bites';
  case 'node.down': return 'node ' + (LIFE_NAMES[LIFE.DOWN + a[i]] || 'down');
  case 'sup.give_up': return 'supervisor ' + pidText(a[i]) + ' gives up after ' + plural(b[i], 'restart');
  case 'proc.exit': return 'process ' + pidText(a[i]) + ' ends: ' + reason() + (words ? ', ' + words : '');
  case 'code.rolled_back': return words + ' goes back from version ' + a[i] + ' to ' + b[i];
  case 'log': return (LEVELS[a[i]] || 'log') + ': ' + words;
  case 'work.failed': return (WORKS[a[i]] || 'work') + ' of ' + c[i].toString(16).padStart(8, '0') + '… failed';
  case 'sup.restart': return 'supervisor ' + pidText(a[i]) + ' restarts its child ' + b[i];
  case 'app.down': return 'application ' + words + ' ends: ' + reason();
  case 'code.switched': return pidText(a[i]) + ' goes from version ' + b[i] + ' to ' + c[i] + ' of ' + words;
  case 'node.up': return a[i] > 1 ? 'node up again, life ' + a[i] : 'node up';
  case 'dht.joined': return 'joined after ' + duration(b[i]) + ' with ' + plural(a[i], 'contact');
  default: return run.moment_kinds[kind[i]];
  }
}

function checkName(run, check) {
  const line = run.checks.find(one => one.check === check);
  return line ? line.name : 'check ' + check;
}
