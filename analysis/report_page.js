/* The page: what is shown, and keys. */

const $ = id => document.getElementById(id);
const SIDES = ['#2f8f9d', '#d98324', '#7a5aa6', '#5b8c3a', '#b8456b', '#3f6fb5', '#8c6d3f', '#6b7680'];
const DEGREES = ['#e8e4cf', '#c5d6b8', '#93c0ae', '#5ba3a4', '#327f94', '#1c5a7d', '#123a5e'];
const HOTS = ['#dfe3e0', '#f0d9a0', '#eeb566', '#e38544', '#cc5436', '#a32a2f', '#70122b'];
const TABLE_MAX = 60; /* nodes that are shown as a table */
const MOMENTS_SHOWN = 60;

let run, state, page = {t: 0, node: 0, playing: null, live: false, follow: true, about: null, lifeRows: null};

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) made.addEventListener(key.slice(2), value); else if (value !== null && value !== false) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

const colour = name => getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();

/* --- what came of the run --- */

function verdictOf() {
  if (run.run) return run.run.held ? ['holds', 'holds'] : ['fails', 'FAILS'];
  return page.live ? ['', 'runs'] : ['', 'unknown: the trace ends before its run'];
}

function showIdentity() {
  const [kind, words] = verdictOf(), list = $('identity');
  $('title').textContent = run.head.scenario || 'A run without a name';
  document.title = (run.head.scenario || 'run') + ': ' + words + ' · weft';
  $('verdict').className = kind;
  $('verdict').textContent = words;
  $('live').hidden = !page.live;
  $('about').hidden = !run.head.about;
  $('about').textContent = run.head.about || '';
  const facts = [['Nodes', thousands(run.run?.nodes || Number(run.head.nodes) || run.nodes)], ['Seed', run.head.seed], ['Run hash', run.run?.hash],
    ['Build', run.head.build], ['Virtual time', duration(run.last)], ['Events of the run', run.run && thousands(run.run.events)], ['Events in the trace', thousands(run.events)]];
  list.replaceChildren(...facts.filter(one => one[1]).map(([name, value]) =>
    element('div', {}, element('dt', {}, name), element('dd', name === 'Run hash' ? {class: 'mono', id: 'hash'} : {}, value))));
  const repeat = run.run?.repeat || run.head.repeat;
  $('repeat').hidden = !repeat;
  if (repeat) $('repeat').querySelector('code').textContent = repeat;
}

function showNotices() {
  const notices = [], kinds = run.kinds;
  const {blocks, bytes, cut} = run.damage;
  if (blocks || bytes || cut) notices.push('The trace is ' + [blocks || bytes ? 'damaged: ' + plural(blocks, 'block') + ' could not be read' + (bytes ? ', ' + size(bytes) : '') : '', cut ? 'cut short before its end' : ''].filter(Boolean).join('; it is ') + '. The page has what was whole, up to ' + seconds(run.last) + ' s; its numbers are of that.');
  else if (!run.run && !page.live && run.events) notices.push('The trace ends at ' + seconds(run.last) + ' s without the end of its run: it was cut short, or written by an older build. There is no verdict.');
  if (!run.events && !page.live) notices.push('The trace has no events.');
  if (run.events && !kinds['node.up'] && !page.live) notices.push('The trace has no node.up: what became of nodes is not in it.');
  $('notices').replaceChildren(...notices.map(words => element('p', {class: 'notice', role: 'status'}, words)));
}

function table(caption, heads, rows) {
  if (rows.length === 0) return [];
  const cell = (name, value, i) => element(name, {class: heads[i].startsWith('#') ? 'number' : null, scope: name === 'th' ? 'col' : null}, value);
  return [element('table', {}, element('caption', {}, caption), element('thead', {}, element('tr', {}, ...heads.map((head, i) => cell('th', head.replace('#', ''), i)))),
    element('tbody', {}, ...rows.map(row => element('tr', {class: row.bad ? 'bad' : null}, ...row.map((value, i) => cell('td', value, i))))))];
}

/* Faults by the lines of the scenario; before there are any, by what has been told so far. */
function faultLines() {
  if (run.faults.length) return run.faults;
  const lines = new Map();
  for (const one of run.occurrences) {
    const line = lines.get(one.fault) || {fault: one.fault, kind: one.kind, name: faultName(run, one.kind), injected: 0, bit: 0};
    line.injected++;
    if (one.bits) line.bit++;
    lines.set(one.fault, line);
  }
  return [...lines.values()];
}

function showOutcome() {
  const bad = (row, is) => Object.assign(row, {bad: is});
  $('checks').replaceChildren(...table('Checks', ['check', '#evaluated', '#failed'],
    run.checks.map(one => bad([one.name, thousands(one.evaluated), thousands(one.failed)], one.failed > 0 || one.evaluated === 0))));
  $('faults').replaceChildren(...table('Faults', ['fault', '#injected', '#bit', 'line'],
    faultLines().map(one => bad([one.name, thousands(one.injected), thousands(one.bit), one.line ? String(one.line) : ''], !!run.run && one.bit === 0))));
  const bites = (caption, head, name, wanted) => table(caption, [head, '#bit', 'line'],
    run.parts.filter(wanted).map(one => bad([name(one), thousands(one.bit), String(one.line)], one.bit === 0)));
  $('parts').replaceChildren(...bites('Parts of faults', 'part', one => (run.faults.find(line => line.fault === one.fault - 1)?.name || 'fault ' + one.fault) + '.' + one.name, one => one.fault > 0));
  $('conditions').replaceChildren(...bites('Conditions', 'condition', one => one.name, one => one.fault === 0));
  $('works').replaceChildren(...table('Workload', ['work', '#asked', '#done'],
    run.works.map(one => bad([one.name, thousands(one.asked), thousands(one.done)], one.done === 0))));
}

/* Quantiles and recoveries, as the statistics of the trace have them. */
function showNumbers() {
  const measures = run.measures || [], recoveries = run.recoveries || [], share = value => value === null ? '–' : (value * 100).toFixed(1) + ' %';
  $('numbers').hidden = measures.length === 0;
  $('measures').replaceChildren(...table('Distributions', ['measure', '#count', '#median', '#90 %', '#99 %', '#most'],
    measures.map(one => [one.title, thousands(one.count), ...['p50', 'p90', 'p99', 'max'].map(key => one.seconds ? duration(one[key] / 1000) : thousands(one[key]))])));
  $('recoveries').replaceChildren(...table('Recovery, in intervals of ' + duration(run.interval || 0), ['fault', 'at', 'ratio', '#before', '#worst', '#back after'],
    recoveries.slice(0, 12).map(one => [one.fault, seconds(one.from) + ' s', one.ratio, share(one.before), share(one.worst), one.took === undefined ? 'not seen' : duration(one.took)])));
}

function showWhy() {
  const fails = (run.run && !run.run.held) || run.failures.length > 0;
  $('why').hidden = !fails;
  if (!fails) return;
  $('why-title').textContent = run.run && !run.run.held ? 'Why it fails' : run.run ? 'What failed, within what is allowed' : 'What failed';
  $('reasons').replaceChildren(...run.reasons.map(one => element('li', {}, one.name)));
  $('failures').replaceChildren(...run.failures.slice(0, 12).map((one, i) => element('button', {type: 'button', 'aria-pressed': String(page.about?.failure === one),
    onclick: () => { openFailure(i); $('sequence').scrollIntoView(); }}, seconds(one.at) + ' s  ' + checkName(run, one.check) + ': ' + one.text)));
  if (run.failures.length > 12) $('failures').append(element('span', {class: 'muted'}, 'and ' + plural(run.failures.length - 12, 'more failure')));
}

/* --- time --- */

function drawStrip() {
  const width = Math.max(320, $('strip').clientWidth), lines = faultLines(), rowHeight = lines.length > 8 ? 5 : 13, areaHeight = 44;
  const height = areaHeight + 6 + lines.length * rowHeight + 16, steps = Math.min(600, width);
  const x = t => ((t - run.first) / run.span * width).toFixed(1), parts = [], total = Math.max(1, run.nodes);
  page.history = page.history && page.history.length === steps && !page.live ? page.history : historyOf(run, steps);
  const area = (of, fill) => {
    const points = page.history.map((row, i) => ((i + 1) / steps * width).toFixed(1) + ',' + (areaHeight - of(row) / total * areaHeight).toFixed(1));
    parts.push(`<polygon points="0,${areaHeight} ${points.join(' ')} ${width},${areaHeight}" fill="var(--${fill})"/>`);
  };
  parts.push(`<rect width="${width}" height="${areaHeight}" fill="var(--unborn)"/>`);
  area(row => row.joined + row.up + row.down, 'down');
  area(row => row.joined + row.up, 'up');
  area(row => row.joined, 'joined');
  lines.forEach((line, i) => {
    const y = areaHeight + 4 + i * rowHeight;
    for (const one of run.occurrences) {
      if (one.fault !== line.fault) continue;
      const left = Number(x(one.on)), right = one.off === undefined ? left : Number(x(one.off));
      parts.push(`<rect x="${left}" y="${y}" width="${Math.max(2.5, right - left)}" height="${rowHeight - 2}" fill="var(--fault)" opacity="${one.bits ? .9 : .35}"><title>${escaped(one.text || line.name)} at ${seconds(one.on)} s</title></rect>`);
    }
    if (rowHeight > 6) parts.push(`<text x="2" y="${y + rowHeight - 2}" style="font-size:10px">${escaped(line.name)}</text>`);
  });
  for (const one of run.failures) parts.push(`<path d="M${x(one.at)} ${areaHeight - 8}l5 8h-10z" fill="var(--bad)" stroke="var(--card)"><title>${escaped(one.text)}</title></path>`);
  const ticks = Math.max(2, Math.floor(width / 130)), step = niceStep(run.span / ticks);
  for (let t = Math.ceil(run.first / step) * step; t <= run.last; t += step) {
    const right = Number(x(t)) > width - 30;
    parts.push(`<line x1="${x(t)}" x2="${x(t)}" y1="${height - 16}" y2="${height - 12}" stroke="var(--soft)"/><text x="${x(t)}" y="${height - 2}" text-anchor="${Number(x(t)) < 20 ? 'start' : right ? 'end' : 'middle'}">${+(t / 1e6).toFixed(6)} s</text>`);
  }
  parts.push(`<line id="cursor" y1="0" y2="${height - 16}" x1="0" x2="0" stroke="var(--ink)" stroke-width="1.5"/>`);
  $('strip').innerHTML = `<svg height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="Nodes joined, up and down over time, with faults below">${parts.join('')}</svg>`;
  page.stripWidth = width;
}

function niceStep(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map(one => one * power).find(one => one >= rough);
}

function momentTimes() {
  const times = new Set(run.failures.map(one => one.at));
  for (const one of run.occurrences) { times.add(one.on); if (one.off !== undefined) times.add(one.off); }
  return [...times].sort((x, y) => x - y);
}

function seek(t) {
  page.t = Math.min(run.last, Math.max(run.first, t));
  state.seek(page.t);
  const share = (page.t - run.first) / run.span;
  $('scrubber').value = share * 10000;
  const words = `${plural(state.counts[LIFE.JOINED], 'node')} joined, ${thousands(state.counts[LIFE.UP])} up, ${thousands(state.downCount())} down`;
  $('scrubber').setAttribute('aria-valuetext', seconds(page.t) + ' s: ' + words);
  if (document.activeElement !== $('at')) $('at').value = seconds(page.t);
  $('summary').textContent = words + faultsNow();
  const cursor = document.getElementById('cursor');
  if (cursor) { cursor.setAttribute('x1', share * page.stripWidth); cursor.setAttribute('x2', share * page.stripWidth); }
  document.querySelectorAll('.as-of').forEach(one => { one.textContent = seconds(page.t) + ' s'; });
  showNodes();
  showNode();
}

function faultsNow() {
  const on = new Map();
  for (const one of run.occurrences) if (one.on <= page.t && (one.off === undefined ? one.on === page.t : one.off > page.t)) on.set(one.kind, (on.get(one.kind) || 0) + 1);
  return on.size === 0 ? '' : '; ' + [...on].map(([kind, count]) => faultName(run, kind) + (count > 1 ? ' × ' + count : '')).join(', ');
}

function play() {
  const stop = page.playing !== null;
  $('play').textContent = stop ? '▶' : '❚❚';
  $('play').setAttribute('aria-label', stop ? 'Play' : 'Stop');
  if (stop) { clearInterval(page.playing); page.playing = null; return; }
  if (page.t >= run.last) seek(run.first);
  page.playing = setInterval(() => { if (page.t >= run.last) play(); else seek(page.t + run.span / 400); }, 50);
}

/* --- all nodes --- */

function stateColours() {
  return [colour('unborn'), colour('up'), colour('joined'), colour('down'), colour('stopped'), colour('down'), colour('down'), colour('down')];
}

function shade(value, top, colours) {
  if (value <= 0) return colours[0];
  return colours[Math.min(colours.length - 1, 1 + Math.floor((value - 1) / Math.max(1, top) * (colours.length - 1)))];
}

/* A function from a node to its colour, and the legend. */
function paintOf(mode) {
  const unborn = colour('unborn'), down = colour('stopped'), states = page.stateColours;
  if (mode === 'state') {
    const legend = LIFE_NAMES.map((name, i) => [states[i], name, state.counts[i]]).filter((one, i) => one[2] > 0 || i === LIFE.JOINED || i === LIFE.UP);
    return {of: node => states[state.life[node]], legend};
  }
  if (mode === 'side') {
    const sides = new Map();
    for (let node = 0; node < run.nodes; node++) if (state.isUp(node)) { const side = state.sideNow(node); sides.set(side, (sides.get(side) || 0) + 1); }
    const tint = side => side === 0 ? states[LIFE.JOINED] + '66' : SIDES[(side - 1) % SIDES.length];
    return {of: node => state.isUp(node) ? tint(state.sideNow(node)) : state.life[node] === LIFE.UNBORN ? unborn : down,
      legend: [...sides].sort((x, y) => x[0] - y[0]).map(([side, count]) => [tint(side), side === 0 ? 'on no side' : 'side ' + side, count]).concat([[down, 'not up', run.nodes - state.upCount()]])};
  }
  const field = state[mode], colours = mode === 'restarts' ? HOTS : DEGREES;
  const top = page.tops[mode], steps = colours.slice(1).map((one, i) => {
    const low = 1 + Math.floor(top * i / (colours.length - 1)), high = Math.max(low, Math.floor(top * (i + 1) / (colours.length - 1)));
    return [one, low === high ? String(low) : low + ' to ' + high, null];
  });
  const seen = new Set(), legend = [[colours[0], '0', null], ...steps].filter(one => !seen.has(one[1]) && seen.add(one[1]));
  return {of: node => state.isUp(node) || mode === 'restarts' ? shade(field[node], top, colours) : state.life[node] === LIFE.UNBORN ? unborn : down,
    legend: mode === 'restarts' ? legend : legend.concat([[down, 'not up', run.nodes - state.upCount()]])};
}

function topsOf() {
  const tops = {degree: 1, restarts: 1, procs: 1}, {kind, a, count} = run.changes;
  for (let i = 0; i < count; i++) {
    const name = FIELDS[kind[i]];
    if (tops[name] !== undefined && a[i] > tops[name]) tops[name] = a[i];
  }
  return tops;
}

/* Cells of one node each, or of as many as it takes for cells that can be seen. */
function gridShape() {
  const width = Math.max(300, $('grid-holder').clientWidth), most = 320;
  for (const group of [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000]) {
    const cells = Math.ceil(run.nodes / group);
    let side = Math.min(26, Math.floor(Math.sqrt(width * most / cells)));
    if (side < 6) continue;
    const columns = Math.floor(width / side);
    return {group, cells, side, columns, width, height: Math.ceil(cells / columns) * side};
  }
  return {group: 100000, cells: Math.ceil(run.nodes / 100000), side: 6, columns: Math.floor(width / 6), width, height: 320};
}

function drawGrid(paint) {
  const canvas = $('grid'), shape = page.shape = gridShape(), scale = window.devicePixelRatio || 1;
  if (canvas.width !== shape.width * scale || canvas.height !== shape.height * scale) {
    canvas.width = shape.width * scale;
    canvas.height = shape.height * scale;
    canvas.style.height = shape.height + 'px';
  }
  const ctx = canvas.getContext('2d'), inner = shape.side - (shape.side > 7 ? 2 : 1);
  ctx.setTransform(scale, 0, 0, scale, 0, 0);
  ctx.clearRect(0, 0, shape.width, shape.height);
  for (let cell = 0; cell < shape.cells; cell++) {
    const x = cell % shape.columns * shape.side, y = Math.floor(cell / shape.columns) * shape.side, first = cell * shape.group;
    if (shape.group === 1) { ctx.fillStyle = paint.of(first); ctx.fillRect(x, y, inner, inner); continue; }
    const shares = new Map(), last = Math.min(run.nodes, first + shape.group);
    for (let node = first; node < last; node++) { const one = paint.of(node); shares.set(one, (shares.get(one) || 0) + 1); }
    /* What most of them are fills the cell; each other share stands at its foot, and can be seen. */
    const sorted = [...shares].sort((one, other) => other[1] - one[1]);
    ctx.fillStyle = sorted[0][0];
    ctx.fillRect(x, y, inner, inner);
    let foot = y + inner;
    for (const [one, count] of sorted.slice(1)) {
      const part = Math.max(2, inner * count / (last - first));
      ctx.fillStyle = one;
      ctx.fillRect(x, Math.max(y, foot -= part), inner, part);
    }
  }
  const chosen = Math.floor(page.node / shape.group);
  ctx.strokeStyle = colour('ink');
  ctx.lineWidth = 2;
  ctx.strokeRect(chosen % shape.columns * shape.side - .5, Math.floor(chosen / shape.columns) * shape.side - .5, inner + 1, inner + 1);
}

function cellAt(event) {
  const box = $('grid').getBoundingClientRect(), {side, columns, cells} = page.shape;
  const column = Math.floor((event.clientX - box.left) * page.shape.width / box.width / side), row = Math.floor((event.clientY - box.top) / side);
  const cell = row * columns + column;
  return column < columns && cell >= 0 && cell < cells ? cell : -1;
}

const stateWords = node => LIFE_NAMES[state.life[node]] + (state.sideNow(node) ? ', side ' + state.sideNow(node) : '');

function nodeLine(node) {
  return `node ${node}: ${stateWords(node)}, ${plural(state.degree[node], 'contact')}, ${plural(state.procs[node], 'process')}, ${plural(state.restarts[node], 'restart')}`;
}

function cellLine(cell) {
  const {group} = page.shape, first = cell * group, last = Math.min(run.nodes, first + group) - 1;
  if (group === 1) return nodeLine(first);
  const counts = new Map();
  for (let node = first; node <= last; node++) counts.set(stateWords(node), (counts.get(stateWords(node)) || 0) + 1);
  return `nodes ${first} to ${last}: ` + [...counts].map(([words, count]) => thousands(count) + ' ' + words).join(', ');
}

/* The node of a cell that stands out most: one that is not joined. */
function nodeOfCell(cell) {
  const {group} = page.shape, first = cell * group, last = Math.min(run.nodes, first + group);
  for (let node = first; node < last; node++) if (state.life[node] !== LIFE.JOINED && state.life[node] !== LIFE.UNBORN) return node;
  return first;
}

/* Of many nodes those to look at: named in a failure, down, in trouble, with few contacts. */
function standingOut() {
  const score = new Map(), add = (node, by) => { if (node >= 0 && node < run.nodes) score.set(node, Math.max(score.get(node) || 0, by)); };
  for (const one of run.failures) if (one.at <= page.t) { add(one.node, 100); nodesNamed(one.text).forEach(node => add(node, 99)); }
  let fewest = -1;
  for (let node = 0; node < run.nodes; node++) {
    const life = state.life[node];
    if (life >= LIFE.DOWN && life !== 4) add(node, 80);
    if (life === LIFE.UP && run.kinds['dht.joined']) add(node, 60);
    if (state.restarts[node]) add(node, 40 + Math.min(19, state.restarts[node]));
    if (life === LIFE.JOINED && (fewest < 0 || state.degree[node] < state.degree[fewest])) fewest = node;
  }
  add(fewest, 1);
  const all = [...score].sort((x, y) => y[1] - x[1] || x[0] - y[0]).map(one => one[0]);
  return {shown: all.slice(0, 8), count: all.length};
}

function nodeTable(nodes, caption) {
  const samples = run.kinds['node.sample'] > 0, heads = ['node', 'state', '#side', '#lives', '#restarts', '#contacts', '#processes', '#faults'].concat(samples ? ['#mailbox', '#heap'] : []);
  const rows = nodes.map(node => {
    const dot = element('span', {class: 'dot', style: 'background:' + page.stateColours[state.life[node]]});
    return [element('button', {type: 'button', onclick: () => choose(node)}, 'node ' + node), element('span', {}, dot, LIFE_NAMES[state.life[node]]), state.sideNow(node) ? String(state.sideNow(node)) : '–',
      String(state.lifeNumber[node]), thousands(state.restarts[node]), thousands(state.degree[node]), thousands(state.procs[node]), thousands(state.faults[node])]
      .concat(samples ? [thousands(state.mailbox[node]), size(state.bytes[node])] : []);
  });
  const made = table(caption, heads, rows);
  made[0]?.querySelectorAll('tbody tr').forEach((row, i) => { if (nodes[i] === page.node) row.setAttribute('aria-current', 'true'); });
  return made;
}

function showNodes() {
  const paint = paintOf($('colour').value), few = run.nodes <= TABLE_MAX;
  $('legend').replaceChildren(...paint.legend.map(([tint, name, count]) => element('li', {}, element('span', {class: 'dot', style: 'background:' + tint}), count === null ? name : thousands(count) + ' ' + name)));
  $('grid-holder').hidden = few;
  $('hover').hidden = few;
  const focused = $('node-table').contains(document.activeElement) ? document.activeElement.textContent : null;
  if (few) {
    $('node-table').replaceChildren(...nodeTable([...Array(run.nodes).keys()], 'As of ' + seconds(page.t) + ' s'));
  } else {
    const out = standingOut();
    drawGrid(paint);
    $('node-table').replaceChildren(...nodeTable(out.shown, 'Standing out at ' + seconds(page.t) + ' s' + (out.count > out.shown.length ? ', ' + out.shown.length + ' of ' + thousands(out.count) : '')));
  }
  if (focused) [...$('node-table').querySelectorAll('button')].find(one => one.textContent === focused)?.focus();
}

/* --- one node --- */

function choose(node, quiet) {
  page.node = Math.max(0, Math.min(run.nodes - 1, node));
  showNodes();
  showNode();
  if (!quiet) $('found').textContent = '';
}

function showNode() {
  const node = page.node;
  if (run.nodes === 0) { $('node').hidden = true; return; }
  $('node-title').textContent = 'Node ' + node;
  const id = idOf(run, node), facts = [['State', stateWords(node) + (state.lifeNumber[node] > 1 ? ', in life ' + state.lifeNumber[node] : '')], ['Address', addressAt(run, node, page.t)],
    ['Id', id && element('span', {class: 'mono'}, id + (run.id_size < 20 ? '…' : ''))], ['Contacts', thousands(state.degree[node])], ['Processes', thousands(state.procs[node])], ['Restarts', thousands(state.restarts[node])],
    ['Faults so far', thousands(state.faults[node])], ['Mailboxes', run.kinds['node.sample'] ? plural(state.mailbox[node], 'message') : ''], ['Heap', run.kinds['node.sample'] ? size(state.bytes[node]) : '']];
  $('facts').replaceChildren(...facts.filter(one => one[1]).flatMap(([name, value]) => [element('dt', {}, name), element('dd', {}, value)]));
  showMoments(node);
  showTree(node);
  showNeighbours(node);
}

function showMoments(node) {
  const list = run.momentsOf(node), {at} = run.moments;
  let middle = 0;
  while (middle < list.length && at[list[middle]] <= page.t) middle++;
  const from = Math.max(0, middle - MOMENTS_SHOWN + 10), items = [...list.slice(from, from + MOMENTS_SHOWN)];
  $('moments').replaceChildren(...items.map(i => element('li', {class: at[i] > page.t ? 'later' : null},
    element('span', {class: 'when'}, element('button', {type: 'button', class: 'plain', onclick: () => seek(at[i])}, seconds(at[i]) + ' s')), momentText(run, i))));
  if (items.length === 0) $('moments').append(element('li', {class: 'muted'}, 'nothing that stands out'));
}

function treeItem(one, depth, budget) {
  const about = [one.id && one.id !== one.name ? 'child ' + one.id : '', one.strategy !== undefined ? STRATEGIES[one.strategy] || '' : '', one.restart ? RESTARTS[one.restart] : '', pidText(one.pid)].filter(Boolean).join(', ');
  const item = element('li', {role: 'treeitem', 'aria-level': depth, 'aria-expanded': one.children.length ? 'true' : null}, element('strong', {}, one.name || one.id || 'process'), ' ', element('span', {class: 'about'}, about));
  if (one.again) item.append(' ', element('span', {class: 'again'}, 'restarted ' + (one.again === 1 ? 'once' : one.again + ' times')));
  if (one.children.length) item.append(treeList(one.children, depth + 1, budget));
  return item;
}

function treeList(list, depth, budget) {
  const made = element('ul', {role: depth === 1 ? 'tree' : 'group', class: depth === 1 ? 'tree' : null, 'aria-label': depth === 1 ? 'Supervision tree' : null});
  for (const one of list) {
    if (budget.left-- <= 0) { made.append(element('li', {class: 'muted'}, 'and ' + plural(list.length - made.children.length, 'more process'))); break; }
    made.append(treeItem(one, depth, budget));
  }
  return made;
}

function showTree(node) {
  const found = processesAt(run, node, page.t);
  if (found.count) $('tree').replaceChildren(treeList(found.roots, 1, {left: 200}));
  else if (!hasTree(run, node)) $('tree').replaceChildren(element('p', {class: 'muted'}, `This page has the trees of every ${run.tree.stride}th node: try node ${node - node % run.tree.stride}.`));
  else $('tree').replaceChildren(element('p', {class: 'muted'}, run.kinds['proc.start'] ? 'No process lives here at this time.' : 'The trace has no proc.start.'));
}

function showNeighbours(node) {
  const {nodes, ids} = contactsAt(run, node, page.t), chips = [];
  $('ring').replaceChildren();
  if (!hasOverlay(run, node)) { $('neighbours').textContent = `This page has the neighbours of every ${run.overlay.stride}th node: try node ${node - node % run.overlay.stride}.`; return; }
  if (nodes.length + ids.length === 0) { $('neighbours').textContent = run.kinds['dht.contact'] ? 'None at this time.' : 'The trace has no dht.contact.'; return; }
  drawRing(node, nodes);
  for (const one of nodes.slice(0, 300)) chips.push(element('button', {type: 'button', class: 'plain', title: nodeLine(one), onclick: () => choose(one)}, String(one)));
  $('neighbours').replaceChildren(plural(nodes.length + ids.length, 'contact') + ': ', ...chips, ids.length ? plural(ids.length, 'id') + ' of no known node' : '');
}

/* Nodes on a circle by the beginning of their ids: contacts of Kademlia thin out with distance. */
function drawRing(node, contacts) {
  const angle = one => { let value = 0; for (let i = 0; i < 4; i++) value = value * 256 + run.idBytes[one * run.id_size + i]; return value / 2 ** 32 * 2 * Math.PI - Math.PI / 2; };
  const place = (one, radius) => [(150 + radius * Math.cos(angle(one))).toFixed(1), (150 + radius * Math.sin(angle(one))).toFixed(1)], [x, y] = place(node, 130);
  const bend = (one, other) => ((Number(one) + Number(other)) * .2 + 150 * .6).toFixed(1);
  const parts = ['<circle cx="150" cy="150" r="130" fill="none" stroke="var(--line)"/>'];
  for (const one of contacts.slice(0, 400)) {
    const [px, py] = place(one, 130);
    parts.push(`<path d="M${x} ${y}Q${bend(x, px)} ${bend(y, py)} ${px} ${py}" fill="none" stroke="var(--soft)" stroke-opacity=".35"/><circle cx="${px}" cy="${py}" r="4" fill="${page.stateColours[state.life[one]]}"><title>${nodeLine(one)}</title></circle>`);
  }
  parts.push(`<circle cx="${x}" cy="${y}" r="6.5" fill="var(--ink)"/>`);
  $('ring').innerHTML = `<svg viewBox="0 0 300 300" role="img" aria-label="Contacts of node ${node} on the circle of ids">${parts.join('')}</svg>`;
}

function find(words) {
  const text = words.trim().toLowerCase().replace(/^node\s+/, '');
  if (text === '') return;
  let node = /^\d+$/.test(text) && Number(text) < run.nodes ? Number(text) : -1;
  for (let i = 0; node < 0 && i < run.nodes; i++) if (text.length >= 3 && idOf(run, i).startsWith(text)) node = i;
  for (let i = 0; node < 0 && i < run.changes.count; i++) if (run.changes.text[i] && run.strings[run.changes.text[i]].startsWith(text) && text.length > 3) node = run.changes.node[i];
  if (node < 0) { $('found').textContent = `No node is called “${words.trim()}”: there are 0 to ${thousands(run.nodes - 1)}; an id or an address is found by its beginning.`; return; }
  choose(node, true);
  $('found').textContent = nodeLine(node);
}

/* --- the sequence chart --- */

function lifeAt(node, t) {
  const {at, kind, a} = run.changes;
  let up = false;
  for (const i of run.changesOf(node)) {
    if (at[i] > t) break;
    if (kind[i] === 0) up = a[i] === LIFE.UP || a[i] === LIFE.JOINED;
  }
  return up;
}

function openFailure(i) {
  const failure = run.failures[i], named = [...new Set([failure.node, ...nodesNamed(failure.text)].filter(node => node >= 0))];
  page.about = {t: failure.at, named, failure, words: checkName(run, failure.check) + ' failed: ' + failure.text};
  if (named.length) page.node = named[0];
  $('before').value = String(timeThatTells(failure.at, named));
  seek(failure.at);
  showChart();
  showWhy();
}

/* How long before a failure to look: until its nodes have exchanged some packets. */
function timeThatTells(t, named) {
  const times = [...$('before').options].map(option => Number(option.value)).filter(time => time >= 1e6);
  const told = time => named.reduce((sum, node) => sum + (!run.messages || node >= run.nodes ? 0 : run.messagesOf(node).filter(i => run.messages.at[i] <= t && run.messages.at[i] >= t - time).length), 0);
  return times.find(time => told(time) >= 12) || times[0];
}

function openHere() {
  page.about = {t: page.t, named: run.nodes ? [page.node] : [], failure: null, words: 'what led to ' + seconds(page.t) + ' s at node ' + page.node};
  showChart();
  showWhy();
}

function showChart() {
  if (!page.about) return;
  const chart = chartOf(run, page.about, Number($('before').value), Number($('lanes').value)), {kept} = chart;
  const about = [page.about.words.charAt(0).toUpperCase() + page.about.words.slice(1) + '.'];
  if (kept === 'untraced') about.push('The trace has no packets.');
  else if (kept === 'none') about.push('Messages are in the report of the trace, once the run has ended.');
  else if (kept === 'some') about.push(`Of this time the page has not every packet; all of them: weft trace FILE --kind packet --from ${seconds(Math.max(0, chart.from))}s --to ${seconds(page.about.t)}s`);
  if (chart.left_out > 0) about.push('The ' + thousands(chart.items.length) + ' most relevant of ' + thousands(chart.items.length + chart.left_out) + ' are shown.');
  $('chart-about').textContent = about.join(' ');
  $('chart').innerHTML = chart.lanes.length ? drawChart(run, chart, page.about, lifeAt) : '';
  $('chart').scrollTop = chart.lanes.length ? chart.now - $('chart').clientHeight * .75 : 0;
  $('chart-text').querySelector('ol').replaceChildren(...chartLines(chart).map(line => element('li', {}, line)));
  $('chart-text').hidden = chart.items.length === 0;
}

/* --- the foot --- */

function showFooter() {
  const words = ['Times are virtual unless the trace is of a real node. State is as of the last event at or before t.'];
  if (run.changes.quantum) words.push('Of each node the page has one state in ' + duration(run.changes.quantum) + '.');
  if (run.samples.quantum) words.push('Mailboxes and heap are as of one sample in ' + duration(run.samples.quantum) + '.');
  if (run.messages && run.messages.left_out) words.push(`The page has ${thousands(run.messages.count)} of ${thousands(run.kinds['packet.sent'])} packets: those around faults and failures.`);
  if (run.moments.left_out) words.push(thousands(run.moments.left_out) + ' moments that matter least are left out.');
  if (run.occurrences_left_out) words.push(thousands(run.occurrences_left_out) + ' occurrences of faults are left out.');
  $('footer').replaceChildren(element('p', {}, words.join(' ')), element('p', {}, 'Made by ' + (run.head.build || 'weft') + '; nothing on this page comes from a network.'));
}

/* --- keys --- */

function onKey(event) {
  const inText = event.target.matches('input[type=text], select, textarea'), inGrid = event.target === $('grid');
  if (event.ctrlKey || event.metaKey || event.altKey || $('help').open) return;
  if (inText && event.key === 'Escape') { event.target.blur(); return; }
  if (inText) return;
  const step = run.span / 500 * (event.shiftKey ? 10 : 1), times = momentTimes();
  const moves = inGrid ? {ArrowLeft: -1, ArrowRight: 1, ArrowUp: -page.shape.columns, ArrowDown: page.shape.columns} : {};
  const keys = {
    ArrowLeft: () => seek(page.t - step), ArrowRight: () => seek(page.t + step), ArrowDown: null, ArrowUp: null,
    Home: () => seek(run.first), End: () => seek(run.last),
    '[': () => seek([...times].reverse().find(t => t < page.t - .5) ?? run.first), ']': () => seek(times.find(t => t > page.t + .5) ?? run.last),
    '/': () => { $('wanted').focus(); $('wanted').select(); }, c: () => { openHere(); $('sequence').scrollIntoView(); }, '?': () => $('help').showModal(),
    ' ': event.target.matches('button, summary, a') ? null : play,
  };
  if (moves[event.key]) {
    const cell = Math.floor(page.node / page.shape.group) + moves[event.key];
    if (cell >= 0 && cell < page.shape.cells) { choose(cell * page.shape.group); $('hover').textContent = cellLine(cell); }
  } else if (keys[event.key]) keys[event.key]();
  else return;
  event.preventDefault();
  page.follow = false;
}

function listen() {
  const pointed = event => seek(run.first + run.span * (event.clientX - $('strip').getBoundingClientRect().left) / $('strip').clientWidth);
  document.addEventListener('keydown', onKey);
  $('strip').addEventListener('pointerdown', event => { page.follow = false; pointed(event); });
  $('strip').addEventListener('pointermove', event => { if (event.buttons) pointed(event); });
  $('scrubber').addEventListener('input', () => { page.follow = false; seek(run.first + run.span * $('scrubber').value / 10000); });
  $('at').addEventListener('change', () => { const t = Number($('at').value); if (Number.isFinite(t)) { page.follow = false; seek(t * 1e6); } $('at').value = seconds(page.t); });
  $('play').addEventListener('click', play);
  $('colour').addEventListener('change', showNodes);
  $('before').addEventListener('change', showChart);
  $('lanes').addEventListener('change', showChart);
  $('chart-here').addEventListener('click', openHere);
  $('find').addEventListener('submit', event => { event.preventDefault(); find($('wanted').value); });
  $('grid').addEventListener('pointermove', event => { const cell = cellAt(event); $('hover').textContent = cell < 0 ? '' : cellLine(cell); });
  $('grid').addEventListener('click', event => { const cell = cellAt(event); if (cell >= 0) choose(nodeOfCell(cell)); });
  $('copy').addEventListener('click', () => navigator.clipboard?.writeText($('repeat').querySelector('code').textContent).then(() => { $('copy').textContent = 'Copied'; }));
  window.addEventListener('resize', () => { drawStrip(); seek(page.t); });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => { page.stateColours = stateColours(); drawStrip(); seek(page.t); });
}

/* --- begin --- */

/* Where to begin: at the failure; else in the midst of the first fault that keeps nodes apart; else at the end. */
function beginAt() {
  const apart = run.occurrences.find(one => one.off !== undefined && one.off - one.on > run.span / 50);
  if (apart) return (apart.on + apart.off) / 2;
  return run.occurrences.length ? run.occurrences[run.occurrences.length - 1].on : run.first + run.span / 2;
}

/* The node that a fault bit last before t; else one in the midst. */
function nodeToBeginWith(t) {
  const {at, node, kind} = run.moments;
  for (let i = beyond(at, t) - 1; i >= 0; i--) if (node[i] >= 0 && run.moment_kinds[kind[i]] === 'fault.bit') return node[i];
  return run.nodes >> 1;
}

function take(data) {
  run = readRun(data);
  state = new State(run);
  page.stateColours = stateColours();
  page.tops = topsOf();
  page.history = null;
  showIdentity();
  showNotices();
  showOutcome();
  showWhy();
  showNumbers();
  drawStrip();
  showFooter();
  $('plots').hidden = $('plots').querySelector('figure, .notice') === null;
}

async function poll() {
  try {
    const answer = await fetch('state.json', {cache: 'no-store'});
    if (!answer.ok) throw new Error('HTTP ' + answer.status);
    const first = run === undefined, t = page.t;
    take(await answer.json());
    page.live = run.run === null;
    showIdentity();
    if (first) listen();
    seek(page.follow || first ? run.last : t);
    if (page.live) setTimeout(poll, 1000);
  } catch (error) {
    page.live = false;
    $('live').hidden = true;
    $('notices').replaceChildren(element('p', {class: 'notice', role: 'status'}, 'The run is not to be reached any more (' + error.message + '). What is shown is as of the last answer.'));
  }
}

function begin() {
  const data = JSON.parse($('data').textContent);
  if (data === null) {
    page.live = true;
    poll();
    return;
  }
  take(data);
  listen();
  if (run.failures.length && run.run && !run.run.held) openFailure(0);
  else { page.t = beginAt(); page.node = nodeToBeginWith(page.t); seek(page.t); openHere(); }
  document.documentElement.dataset.ready = 'true';
}

begin();
