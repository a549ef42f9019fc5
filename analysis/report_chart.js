/* The sequence chart: the messages and faults before a time, most relevant first. */

const CHART = {messages: 160, moments: 60, lane: 150, left: 86, top: 46, step: 7, stepMax: 34};
const SERIOUS = new Set(['check.failed', 'fault.on', 'fault.off', 'fault.bit', 'node.down', 'node.up', 'proc.exit', 'sup.give_up',
  'sup.restart', 'code.rolled_back', 'code.switched', 'app.down', 'log', 'work.failed', 'dht.joined']);

const nodesNamed = text => [...text.matchAll(/\bnodes? (\d+)/g)].map(found => Number(found[1]));

/* Weights: nodes the failure names, then those that exchanged packets with them near the time, then
 * those that faults touched near the time. `about` is {t, named}. */
function rankNodes(run, about, from, to) {
  const score = new Map(), add = (node, by) => { if (node >= 0 && node < run.nodes) score.set(node, (score.get(node) || 0) + by); };
  const near = at => 1 / (1 + 8 * Math.abs(about.t - at) / Math.max(1, to - from));
  about.named.forEach((node, i) => add(node, 1e6 - i));
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
        label: run.strings[text[i]], rank: (touches ? 0 : 2) + (both ? 0 : 1) + Math.abs(about.t - at[i]) / (to - from)});
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
  const nearest = (all, max) => all.sort((x, y) => x.rank - y.rank).slice(0, max);
  const shown = [...nearest(messages, CHART.messages), ...nearest(moments, CHART.moments)];
  return {lanes, others: shown.some(one => one.from !== undefined && !(inLanes.has(one.from) && inLanes.has(one.to))), from, to,
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

/* y of each point in time that something begins or ends: time runs down, long waits are cut short. */
function yOfTimes(chart, t) {
  const times = new Set([t]);
  for (const one of chart.items) { times.add(one.at); if (one.end != null) times.add(one.end); }
  const sorted = [...times].sort((x, y) => x - y), y = new Map(), cuts = [];
  const gaps = sorted.slice(1).map((at, i) => at - sorted[i]).filter(gap => gap > 0).sort((x, z) => x - z);
  const usual = gaps.length ? gaps[gaps.length >> 1] : 1;
  const crowded = new Set(chart.items.filter(one => one.words).map(one => one.at));
  let at = CHART.top + 14;
  sorted.forEach((time, i) => {
    if (i > 0) {
      const gap = time - sorted[i - 1];
      let step = Math.max(CHART.step, Math.min(CHART.stepMax, gap / usual * CHART.step));
      if (crowded.has(time)) step = Math.max(step, 20);
      if (gap > 25 * usual && gap > 2000) { step = CHART.stepMax + 8; cuts.push({y: at + step / 2, gap}); }
      at += step;
    }
    y.set(time, at);
  });
  return {y, cuts, bottom: at + 24, sorted};
}

function drawChart(run, chart, about, lifeAt) {
  const {lanes} = chart, {y, cuts, bottom, sorted} = yOfTimes(chart, about.t);
  const x = new Map(lanes.map((node, i) => [node, CHART.left + CHART.lane * (i + .5)]));
  const far = CHART.left + CHART.lane * (lanes.length + .35), width = CHART.left + CHART.lane * lanes.length + (chart.others ? 90 : 20);
  const xOf = node => x.has(node) ? x.get(node) : far;
  const out = [];
  const moreAt = new Map(); /* several texts at one time stand below one another */
  lanes.forEach(node => {
    const isNamed = about.named.includes(node), at = x.get(node);
    out.push(`<text class="head" x="${at}" y="20" text-anchor="middle"${isNamed ? ' style="fill:var(--bad)"' : ''}>node ${node}</text>`);
    laneParts(run, node, sorted, lifeAt).forEach(part => {
      const y1 = part.from === null ? CHART.top - 14 : y.get(part.from), y2 = part.to === null ? bottom : y.get(part.to);
      out.push(`<line x1="${at}" x2="${at}" y1="${y1}" y2="${y2}" stroke="var(--${part.up ? 'soft' : 'down'})" stroke-width="${part.up ? 1.5 : 2}"${part.up ? '' : ' stroke-dasharray="2 5"'}/>`);
    });
  });
  if (chart.others) out.push(`<text class="head" x="${far}" y="20" text-anchor="middle" style="fill:var(--soft)">others</text><line x1="${far}" x2="${far}" y1="${CHART.top - 14}" y2="${bottom}" stroke="var(--line)" stroke-width="1.5"/>`);
  let labelled = -100;
  sorted.forEach(time => {
    if (y.get(time) - labelled < 14) return;
    labelled = y.get(time);
    out.push(`<text class="time" x="${CHART.left - 12}" y="${labelled + 4}" text-anchor="end">${seconds(time)}</text>`);
  });
  for (const cut of cuts) out.push(`<text class="label" x="${CHART.left - 4}" y="${cut.y + 3}">⋮ ${duration(cut.gap)}</text>`);
  for (const one of chart.items) out.push(one.from !== undefined ? arrowOf(one, y, xOf, lanes) : momentMark(one, y, x, width, moreAt));
  const now = y.get(about.t);
  out.push(`<line x1="${CHART.left - 6}" x2="${width}" y1="${now}" y2="${now}" stroke="var(--${about.failure ? 'bad' : 'accent'})" stroke-width="${about.failure ? 2 : 1}" stroke-dasharray="${about.failure ? '' : '4 3'}"/>`);
  return `<svg width="${width}" height="${bottom + 10}" viewBox="0 0 ${width} ${bottom + 10}" role="img" aria-label="Sequence chart of ${lanes.length} nodes; the list below has the same as text">`
    + '<defs><marker id="tip" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0.5 8 4 0 7.5z" fill="var(--accent)"/></marker></defs>'
    + out.join('') + '</svg>';
}

/* A lane in parts between which the node went up or down. */
function laneParts(run, node, sorted, lifeAt) {
  const parts = [];
  let from = null, up = lifeAt(node, sorted[0] - 1);
  for (const time of sorted) {
    const now = lifeAt(node, time);
    if (now === up) continue;
    parts.push({from, to: time, up});
    from = time;
    up = now;
  }
  parts.push({from, to: null, up});
  return parts;
}

function arrowOf(one, y, xOf) {
  const x1 = xOf(one.from), y1 = y.get(one.at), lost = one.fate >= 2, pending = one.fate === 0;
  let x2 = xOf(one.to), y2 = one.end != null && !lost ? y.get(one.end) : y1 + 12;
  if (lost || pending) { x2 = x1 + (x2 - x1) * .55; }
  const colour = lost ? 'var(--bad)' : pending ? 'var(--soft)' : 'var(--accent)';
  const title = `${seconds(one.at)} s: node ${one.from} to node ${one.to}, ${one.label || 'packet'}, ${one.size} bytes; ${fateText(one)}`;
  const middle = (x1 + x2) / 2, slope = Math.atan2(y2 - y1, x2 - x1) * 180 / Math.PI, turn = Math.abs(slope) > 90 ? slope + 180 : slope;
  const parts = [`<g><title>${escaped(title)}</title><line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${colour}" stroke-width="1.4"${lost || pending ? ' stroke-dasharray="5 3"' : ' marker-end="url(#tip)"'}/>`];
  if (lost) parts.push(`<path d="M${x2 - 4} ${y2 - 4}l8 8m0-8l-8 8" stroke="var(--bad)" stroke-width="2"/>`);
  const words = lost ? (one.label ? one.label + ' ' : '') + (LOSSES[one.fate - 2] || 'lost') : one.label;
  if (words && Math.abs(x2 - x1) > 50) parts.push(`<text class="label" x="${middle}" y="${(y1 + y2) / 2 - 3}" text-anchor="middle" transform="rotate(${turn.toFixed(1)} ${middle} ${(y1 + y2) / 2})"${lost ? ' style="fill:var(--bad)"' : ''}>${escaped(words)}</text>`);
  return parts.join('') + '</g>';
}

function fateText(one) {
  if (one.fate === 0) return 'on its way at the end of the trace';
  if (one.fate === 1) return 'received after ' + duration(one.end - one.at);
  return LOSSES[one.fate - 2] || 'lost';
}

function momentMark(one, y, x, width, moreAt) {
  const at = y.get(one.at), colour = one.failure ? 'var(--bad)' : one.fault ? 'var(--fault)' : 'var(--soft)';
  const key = one.node + ' ' + Math.round(at / 12), more = moreAt.get(key) || 0;
  moreAt.set(key, more + 1);
  if (more > 2) return '';
  const text = (left, anchor) => `<text x="${left}" y="${at + 4 + 13 * more}" text-anchor="${anchor}" style="fill:${colour};paint-order:stroke;stroke:var(--card);stroke-width:4px"${one.failure ? ' font-weight="600"' : ''}>${escaped(one.words.length > 90 ? one.words.slice(0, 88) + '…' : one.words)}</text>`;
  if (one.node < 0 || one.failure) {
    return `<g><title>${escaped(one.words)}</title><line x1="${CHART.left - 6}" x2="${width}" y1="${at}" y2="${at}" stroke="${colour}" stroke-width="${one.failure ? 2 : 1.2}"/>${text(CHART.left + 4, 'start').replace(`y="${at + 4 + 13 * more}"`, `y="${at - 5 + 13 * more}"`)}</g>`;
  }
  const left = x.get(one.node);
  return `<g><title>${escaped(one.words)}</title><circle cx="${left}" cy="${at}" r="4.5" fill="${colour}"/>${text(left + 9, 'start')}</g>`;
}

function chartLines(chart) {
  return chart.items.map(one => one.from !== undefined
    ? `${seconds(one.at)} s  node ${one.from} → node ${one.to}  ${one.label || 'packet'}, ${one.size} bytes; ${fateText(one)}`
    : `${seconds(one.at)} s  ${one.node < 0 ? '' : 'node ' + one.node + '  '}${one.words}`);
}
