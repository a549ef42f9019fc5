/* The sequence chart: the messages and faults before a time, most relevant first. */

const CHART = {messages: 120, moments: 60, lane: 168, left: 86, top: 18, step: 12, stepMax: 34, stub: 44};
const SERIOUS = new Set(['check.failed', 'fault.on', 'fault.off', 'fault.bit', 'node.down', 'node.up', 'proc.exit', 'sup.give_up',
  'sup.restart', 'code.rolled_back', 'code.switched', 'app.down', 'log', 'work.failed', 'dht.joined']);

const nodesNamed = text => [...text.matchAll(/\bnodes? (\d+)/g)].map(found => Number(found[1]));

/* Weights: nodes the failure names, then those that exchanged packets with them near the time, then
 * those that faults touched near the time. `about` is {t, named}. */
function rankNodes(run, about, from, to) {
  const score = new Map(), add = (node, by) => { if (node >= 0 && node < run.nodes) score.set(node, (score.get(node) || 0) + by); };
  const near = at => 1 / (1 + 8 * Math.abs(about.t - at) / Math.max(1, to - from));
  about.named.forEach((node, i) => add(node, 1e6 - 1e4 * i));
  for (const node of about.named) {
    if (!run.messages || node >= run.nodes) continue;
    const {at, node: sender, a} = run.messages;
    for (const i of run.messagesOf(node)) {
      if (at[i] < from || at[i] > to) continue;
      const peer = sender[i] === node ? a[i] - 1 : sender[i];
      if (!about.named.includes(peer)) add(peer, 10 * near(at[i]));
    }
  }
  const {at, node, kind} = run.moments;
  for (let i = beyond(at, from - 1); i < run.moments.count && at[i] <= to; i++) {
    const name = run.moment_kinds[kind[i]];
    if (name === 'fault.bit' || name === 'node.down' || name === 'proc.exit') add(node[i], 5 * near(at[i]));
  }
  if (score.size < 2 && run.messages) {
    const list = run.messages;
    for (let i = beyond(list.at, from - 1); i < list.count && list.at[i] <= to; i++) { add(list.node[i], near(list.at[i])); add(list.a[i] - 1, near(list.at[i])); }
  }
  return [...score.entries()].sort((x, y) => y[1] - x[1] || x[0] - y[0]).map(one => one[0]);
}

/* What the chart shows: {lanes, items, left_out, kept}. An item is a message or a moment. */
function chartOf(run, about, before, lanesMax) {
  const from = about.t - before, to = about.t + before / 5;
  const ranked = rankNodes(run, about, from, to);
  const lanes = run.nodes <= lanesMax ? [...Array(run.nodes).keys()] : ranked.slice(0, lanesMax);
  const inLanes = new Set(lanes), named = new Set(about.named.length ? about.named : lanes.slice(0, 1));
  let messages = [];
  if (run.messages) {
    const {at, node, kind, a, b, c, text} = run.messages;
    for (let i = beyond(at, from - 1); i < run.messages.count && at[i] <= to; i++) {
      const sender = node[i], receiver = a[i] - 1;
      if (!inLanes.has(sender) && !inLanes.has(receiver)) continue;
      const both = inLanes.has(sender) && inLanes.has(receiver), touches = named.has(sender) || named.has(receiver);
      if (!both && !touches) continue;
      messages.push({at: at[i], end: kind[i] === 0 ? null : at[i] + b[i], from: sender, to: receiver, fate: kind[i], size: c[i],
        label: run.strings[text[i]], both, rank: (both ? 0 : 2) + (touches ? 0 : 1) + Math.abs(about.t - at[i]) / (to - from)});
    }
  }
  const moments = [];
  const list = run.moments;
  for (let i = beyond(list.at, from - 1); i < list.count && list.at[i] <= to; i++) {
    const name = run.moment_kinds[list.kind[i]], node = list.node[i];
    if (!SERIOUS.has(name) || !(node < 0 || inLanes.has(node))) continue;
    const failure = name === 'check.failed';
    moments.push({at: list.at[i], node, name, words: momentText(run, i), failure, fault: name.startsWith('fault') || name.startsWith('node'),
      rank: failure ? -1 : node < 0 ? 1 : (named.has(node) ? 0 : 1) + Math.abs(about.t - list.at[i]) / (to - from)});
  }
  const lively = new Set(about.named);
  for (const one of messages) if (one.both) { lively.add(one.from); lively.add(one.to); }
  for (const one of moments) lively.add(one.node);
  if (run.nodes > lanesMax && lively.size > 1) for (const node of [...lanes]) if (!lively.has(node)) lanes.splice(lanes.indexOf(node), 1);
  const nearest = (all, max) => all.sort((x, y) => x.rank - y.rank).slice(0, max);
  const shown = [...nearest(messages, CHART.messages), ...nearest(moments, CHART.moments)];
  return {lanes, from, to,
    items: shown.sort((x, y) => x.at - y.at), left_out: messages.length + moments.length - shown.length,
    kept: whetherKept(run, from, Math.min(to, about.t)), ranked};
}

/* Whether every packet between two times is in the page. */
function whetherKept(run, from, to) {
  if (!run.messages) return 'none';
  if (run.messages.count === 0 && !(run.kinds['packet.sent'] > 0)) return 'untraced';
  const low = Math.max(from, run.first);
  return run.windows.some(one => one[0] <= low && one[1] >= Math.min(to, run.last)) ? 'all' : 'some';
}

const escaped = text => String(text).replace(/[&<>"']/g, c => '&#' + c.charCodeAt(0) + ';');

/* Where each end of each item stands: time runs down, what is at one time in one lane stands in
 * rows, and long waits are cut short. */
function layOut(chart, t) {
  const points = [], lane = node => chart.lanes.includes(node) ? node : -1;
  for (const one of chart.items) {
    if (one.from === undefined) { points.push({at: one.at, lane: one.failure ? -1 : one.node, order: one.fault ? 0 : 2, one, end: 'y', tall: true}); continue; }
    if (lane(one.from) >= 0 || one.fate !== 1) points.push({at: one.at, lane: lane(one.from) >= 0 ? one.from : one.to, order: 3, one, end: 'y'});
    if (one.fate === 1 && lane(one.to) >= 0) points.push({at: one.end, lane: one.to, order: 1, one, end: 'yEnd'});
  }
  points.push({at: t, lane: -2, order: 4, one: chart, end: 'now'});
  points.sort((x, y) => x.at - y.at || x.order - y.order);
  const times = [...new Set(points.map(point => point.at))], gaps = times.slice(1).map((at, i) => at - times[i]).sort((x, y) => x - y);
  const usual = gaps.length ? Math.max(1, gaps[gaps.length >> 1]) : 1, rows = [], cuts = [];
  let y = CHART.top + 18, i = 0;
  for (const [n, at] of times.entries()) {
    const gap = n > 0 ? at - times[n - 1] : 0, used = new Map();
    if (gap > 25 * usual && gap > 2000) { cuts.push({y: y + CHART.stepMax / 2, gap}); y += CHART.stepMax; }
    else if (n > 0) y += Math.min(CHART.stepMax, gap / usual * 4);
    let height = CHART.step, whole = 0;
    rows.push({at, y});
    for (; i < points.length && points[i].at === at; i++) {
      const point = points[i];
      if (point.lane === -2) { point.one.now = y + whole; continue; }
      const row = point.lane === -1 ? whole : Math.max(whole, used.get(point.lane) || 0);
      point.one[point.end] = y + row;
      used.set(point.lane, row + (point.tall ? 17 : CHART.step));
      if (point.lane === -1) whole = row + 17;
      height = Math.max(height, row + (point.tall ? 17 : CHART.step));
    }
    y += height;
  }
  return {rows, cuts, bottom: y + 14};
}

function drawChart(run, chart, about, lifeAt) {
  const {lanes} = chart, {rows, cuts, bottom} = layOut(chart, about.t), out = [], heads = []; /* heads stay in sight */
  const x = new Map(lanes.map((node, i) => [node, CHART.left + CHART.lane * (i + .4)])), width = CHART.left + CHART.lane * lanes.length + 60;
  const yAt = time => rows.find(row => row.at >= time)?.y ?? bottom;
  for (const node of lanes) {
    const at = x.get(node);
    heads.push(`<text class="head" x="${at}" y="20" text-anchor="middle"${about.named.includes(node) ? ' style="fill:var(--bad)"' : ''}>node ${node}</text>`);
    for (const part of laneParts(node, rows, lifeAt)) {
      const y1 = part.from === null ? CHART.top - 16 : yAt(part.from), y2 = part.to === null ? bottom : yAt(part.to);
      out.push(`<line x1="${at}" x2="${at}" y1="${y1}" y2="${y2}" stroke="var(--${part.up ? 'soft' : 'down'})" stroke-width="${part.up ? 1.5 : 2}"${part.up ? '' : ' stroke-dasharray="2 5"'}/>`);
    }
  }
  let labelled = -100;
  for (const row of rows) {
    if (row.y - labelled < 14) continue;
    labelled = row.y;
    out.push(`<text class="time" x="${CHART.left - 12}" y="${labelled + 4}" text-anchor="end">${seconds(row.at)}</text>`);
  }
  for (const cut of cuts) out.push(`<text class="label" x="${CHART.left - 12}" y="${cut.y + 3}" text-anchor="end">⋮ ${duration(cut.gap)}</text>`);
  for (const one of chart.items) if (one.from !== undefined) out.push(one.both ? arrowOf(one, x) : stubOf(one, x));
  for (const one of chart.items) if (one.from === undefined) out.push(momentMark(one, x, width));
  if (!about.failure) out.push(`<line x1="${CHART.left - 6}" x2="${width}" y1="${chart.now}" y2="${chart.now}" stroke="var(--accent)" stroke-dasharray="4 3"/>`);
  return `<svg class="heads" width="${width}" height="30" aria-hidden="true">${heads.join('')}</svg><svg width="${width}" height="${bottom + 10}" viewBox="0 0 ${width} ${bottom + 10}" role="img" aria-label="Sequence chart of ${lanes.length} nodes; the list below has the same as text">`
    + '<defs><marker id="tip" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0.5 8 4 0 7.5z" fill="var(--accent)"/></marker></defs>'
    + out.join('') + '</svg>';
}

/* A lane in parts between which the node went up or down. */
function laneParts(node, rows, lifeAt) {
  const parts = [];
  let from = null, up = lifeAt(node, rows[0].at - 1);
  for (const {at: time} of rows) {
    const now = lifeAt(node, time);
    if (now === up) continue;
    parts.push({from, to: time, up});
    from = time;
    up = now;
  }
  parts.push({from, to: null, up});
  return parts;
}

const packetTitle = one => `${seconds(one.at)} s: node ${one.from} to node ${one.to}, ${one.label || 'packet'}, ${one.size} bytes; ${fateText(one)}`;
const packetColour = one => one.fate >= 2 ? 'var(--bad)' : one.fate === 0 ? 'var(--soft)' : 'var(--accent)';
const crossAt = (x, y) => `<path d="M${x - 4} ${y - 4}l8 8m0-8l-8 8" stroke="var(--bad)" stroke-width="2"/>`;

function arrowOf(one, x) {
  const x1 = x.get(one.from), y1 = one.y, lost = one.fate >= 2, arrives = one.fate === 1;
  const x2 = arrives ? x.get(one.to) : x1 + (x.get(one.to) - x1) * .5, y2 = arrives ? one.yEnd : y1 + 8;
  const right = x2 >= x1, slope = Math.atan2(y2 - y1, Math.abs(x2 - x1)) * 180 / Math.PI * (right ? 1 : -1);
  const words = lost ? (one.label ? one.label + ', ' : '') + (LOSSES[one.fate - 2] || 'lost') : one.label, at = x1 + (right ? 8 : -8);
  return `<g><title>${escaped(packetTitle(one))}</title><line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${packetColour(one)}" stroke-width="1.4"${arrives ? ' marker-end="url(#tip)"' : ' stroke-dasharray="5 3"'}/>`
    + (lost ? crossAt(x2, y2) : '')
    + (words ? `<text class="label halo" x="${at}" y="${y1 - 3}" text-anchor="${right ? 'start' : 'end'}" transform="rotate(${slope.toFixed(1)} ${x1} ${y1})"${lost ? ' style="fill:var(--bad)"' : ''}>${escaped(words)}</text>` : '') + '</g>';
}

/* A packet to or from a node that has no lane: a short arrow at its lane, with the node's number. */
function stubOf(one, x) {
  const out = x.has(one.from), lane = x.get(out ? one.from : one.to), at = one.yEnd ?? one.y, lost = one.fate >= 2;
  const far = lane + CHART.stub, [x1, x2] = out ? [lane, far] : [far, lane];
  const words = (out ? '→ ' + one.to : '← ' + one.from) + (one.label ? ' ' + one.label : '');
  return `<g><title>${escaped(packetTitle(one))}</title><line x1="${x1}" y1="${at}" x2="${x2}" y2="${at}" stroke="${packetColour(one)}" stroke-width="1.2"${one.fate !== 1 ? ' stroke-dasharray="4 3"' : ' marker-end="url(#tip)"'}/>`
    + (lost ? crossAt((x1 + x2) / 2, at) : '') + `<text class="label halo" x="${far + 4}" y="${at + 3.5}"${lost ? ' style="fill:var(--bad)"' : ''}>${escaped(words)}</text></g>`;
}

function fateText(one) {
  if (one.fate === 0) return 'on its way at the end of the trace';
  if (one.fate === 1) return 'received after ' + duration(one.end - one.at);
  return LOSSES[one.fate - 2] || 'lost';
}

function momentMark(one, x, width) {
  const colour = one.failure ? 'var(--bad)' : one.fault ? 'var(--fault)' : 'var(--soft)', words = one.words.length > 90 ? one.words.slice(0, 88) + '…' : one.words;
  const text = (left, y) => `<text class="halo" x="${left}" y="${y}" style="fill:${colour}"${one.failure ? ' font-weight="600"' : ''}>${escaped(words)}</text>`;
  if (one.node < 0 || one.failure) {
    return `<g><title>${escaped(one.words)}</title><line x1="${CHART.left - 6}" x2="${width}" y1="${one.y}" y2="${one.y}" stroke="${colour}" stroke-width="${one.failure ? 2 : 1.2}"/>${text(CHART.left, one.y - 4)}</g>`;
  }
  const left = x.get(one.node);
  return `<g><title>${escaped(one.words)}</title><circle cx="${left}" cy="${one.y}" r="4.5" fill="${colour}"/>${text(left + 9, one.y + 4)}</g>`;
}

function chartLines(chart) {
  return chart.items.map(one => one.from !== undefined
    ? `${seconds(one.at)} s  node ${one.from} → node ${one.to}  ${one.label || 'packet'}, ${one.size} bytes; ${fateText(one)}`
    : `${seconds(one.at)} s  ${one.node < 0 ? '' : 'node ' + one.node + '  '}${one.words}`);
}
