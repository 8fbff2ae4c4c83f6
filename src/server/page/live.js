// SPDX-License-Identifier: MIT
// What the server says, asked for once a second while somebody looks: a part of /metrics, and the
// states of all models. A view names what it needs; what was read stays for five minutes.

const POLL_MS = 1000;
const WAIT_MS = 8000;
const KEPT = 301;

const STAGES = ['decode', 'queue', 'run', 'encode', 'whole'];
const OWN_FAMILIES = ['weir_queue_requests', 'weir_queue_rows', 'weir_loop_lag_seconds', 'weir_workers', 'weir_workers_busy_seconds_total',
  'process_cpu_seconds_total', 'process_resident_memory_bytes', 'process_start_time_seconds', 'weir_requests_total'];
const MODEL_FAMILIES = ['weir_request_stage_seconds', 'weir_batch_rows', 'weir_rows_total', 'weir_batches_total', 'weir_refused_total'];

/** The query of /metrics for a scope: '' is the whole server, else a model's name. */
function queryOf(scope) {
  const parts = OWN_FAMILIES.map((name) => 'name[]=' + name);
  if (scope === '') return parts.concat(['weir_request_stage_seconds', 'weir_batch_rows'].map((name) => 'sum[]=' + name)).join('&');
  return parts.concat(MODEL_FAMILIES.map((name) => 'name[]=' + name), ['model=' + encodeURIComponent(scope)]).join('&');
}

async function ask(path, options = {}) {
  const response = await fetch(path, { cache: 'no-store', signal: AbortSignal.timeout(options.timeout || WAIT_MS), ...options });
  const text = await response.text();
  let body = null;
  if ((response.headers.get('Content-Type') || '').includes('json')) {
    try {
      body = JSON.parse(text);
    } catch (e) {
      throw new Error(path + ': the answer is not JSON');
    }
  }
  return { ok: response.ok, status: response.status, text, body, headers: response.headers };
}

/** As ask, and fails unless the answer is 200. */
async function get(path) {
  const answer = await ask(path);
  if (!answer.ok) throw new Error((answer.body && answer.body.error) || path + ': ' + answer.status);
  return answer;
}

const live = {
  scope: '',
  readings: new Map(), // scope: the last readings, oldest first
  rows: new Map(), // scope: a row for the charts from each two of them
  models: null, // the document of /weir/v1/models
  events: [], // oldest first
  newest: 0, // number of the newest event known
  isPaused: false,
  error: null,
  listeners: new Set(),
  timer: 0,
  isAsking: false,
  started: null, // of the process, to see that it is another one
};

function latest(scope) {
  const list = live.readings.get(scope);
  return list && list.length > 0 ? list[list.length - 1] : null;
}

/** The reading nearest to `ms` before the last, but not the last itself. */
function earlier(scope, ms) {
  const list = live.readings.get(scope) || [];
  const last = list[list.length - 1];
  if (list.length < 2) return null;
  for (let i = list.length - 2; i >= 0; i--) if (last.at - list[i].at >= ms) return list[i];
  return list[0];
}

function codeStarts(digits) {
  return (labels) => digits.includes(labels.code[0]);
}

/** What one second did, from the readings at its ends: the numbers of the charts. */
function rowOf(now, before, scope) {
  const s = (now.at - before.at) / 1000;
  const mine = scope === '' ? {} : { model: scope };
  const rate = (digits) => now.growth(before, 'weir_requests_total',
    (labels) => codeStarts(digits)(labels) && (scope === '' || labels.model === scope)) / s;
  const row = { at: now.at, ok: rate('23'), refused: rate('4'), failed: rate('5'), stages: {} };
  for (const stage of STAGES) row.stages[stage] = now.recorded(before, 'weir_request_stage_seconds', { ...mine, stage });
  row.batches = now.recorded(before, 'weir_batch_rows', mine);
  row.queueRequests = now.sum('weir_queue_requests');
  row.queueRows = now.sum('weir_queue_rows');
  row.lag = now.recorded(before, 'weir_loop_lag_seconds');
  row.cpu = now.growth(before, 'process_cpu_seconds_total') / s;
  const workers = now.sum('weir_workers');
  row.busy = workers > 0 ? now.growth(before, 'weir_workers_busy_seconds_total') / s / workers : null;
  return row;
}

function forgetAll() {
  live.readings.clear();
  live.rows.clear();
  live.events = [];
  live.newest = 0;
}

function keep(scope, reading) {
  const started = reading.sum('process_start_time_seconds');
  if (live.started !== null && Math.abs(live.started - started) > 1) forgetAll();
  live.started = started;
  // What another page shows has a gap then; one old second is enough of it.
  for (const [other, list] of live.readings) if (other !== scope && other !== '') live.readings.delete(other), live.rows.delete(other);
  const list = live.readings.get(scope) || [];
  const rows = live.rows.get(scope) || [];
  const before = list[list.length - 1];
  if (before && reading.at - before.at < 5 * POLL_MS) rows.push(rowOf(reading, before, scope));
  else if (before) rows.push({ at: before.at + 1, isGap: true });
  list.push(reading);
  while (list.length > 62) list.shift();
  while (rows.length > KEPT) rows.shift();
  live.readings.set(scope, list);
  live.rows.set(scope, rows);
}

async function readEvents(newest) {
  if (newest === undefined || newest === live.newest) return;
  const doc = (await get('/weir/v1/events?after=' + live.newest)).body;
  live.events = live.events.concat(doc.events).slice(-1000);
  live.newest = doc.newest;
}

async function poll() {
  if (live.isAsking) return;
  const scope = live.scope;
  live.isAsking = true;
  const begun = performance.now();
  try {
    const [metrics, models] = await Promise.all([get('/metrics?' + queryOf(scope)), get('/weir/v1/models')]);
    keep(scope, new Reading(metrics.text, performance.timeOrigin + begun));
    live.models = models.body;
    await readEvents(models.body.events);
    live.error = null;
  } catch (e) {
    live.error = e.name === 'TimeoutError' ? 'no answer within ' + WAIT_MS / 1000 + ' s' : e.message;
  }
  live.isAsking = false;
  live.listeners.forEach((listener) => listener());
  schedule(Math.max(100, POLL_MS - (performance.now() - begun)));
}

function schedule(ms) {
  clearTimeout(live.timer);
  if (!live.isPaused && !document.hidden) live.timer = setTimeout(poll, ms);
}

/** Asks now: another page is shown, or something was changed. */
function pollNow() {
  clearTimeout(live.timer);
  poll();
}

function setScope(scope) {
  live.scope = scope;
  if (!live.isPaused) pollNow();
}

function modelOf(name) {
  return live.models && live.models.models.find((m) => m.name === name);
}

// --- what states mean to people ---

const KINDS = {
  ready: ['good', 'live'],
  orphaned: ['warn', 'live, file gone'],
  seen: ['none', 'seen'],
  settling: ['warn', 'candidate: waiting for the file'],
  loading: ['warn', 'candidate: loading'],
  checking: ['warn', 'candidate: checking'],
  failed: ['bad', 'refused'],
  held: ['bad', 'held'],
  retiring: ['none', 'retiring'],
  gone: ['none', 'gone'],
};

function badge(state) {
  const [look, text] = KINDS[state] || ['none', state];
  return h('span', { class: 'badge ' + look }, text);
}

function isServing(state) {
  return state === 'ready' || state === 'orphaned';
}

/** The version that serves, and what else there is of a model: candidates, refused and held files. */
function partsOf(model) {
  const serving = model.versions.find((v) => isServing(v.state));
  return { serving, others: model.versions.filter((v) => v !== serving && v.state !== 'gone' && v.state !== 'retiring') };
}
