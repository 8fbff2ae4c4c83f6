// SPDX-License-Identifier: MIT
// The first page: the whole server in numbers and charts, and all models.

function tile(name, id) {
  const value = h('dd', { id }, NONE);
  return { node: h('div', null, h('dt', null, name), value), value };
}

class Overview {
  constructor() {
    this.title = 'Models';
    this.scope = '';
    this.tiles = {
      rate: tile('Answers per second', 'tile-rate'),
      errors: tile('Errors', 'tile-errors'),
      p50: tile('Latency p50', 'tile-p50'),
      p99: tile('Latency p99', 'tile-p99'),
      queue: tile('Requests in flight', 'tile-queue'),
      lag: tile('Loop lag p99', 'tile-lag'),
      busy: tile('Workers busy', 'tile-busy'),
      cpu: tile('CPU, cores', 'tile-cpu'),
      memory: tile('Memory', 'tile-memory'),
      total: tile('Answers in all', 'tile-total'),
    };
    this.charts = [throughputChart(), new LatencyChart('Latency by stage'), batchChart(), queueChart(), lagChart()];
    this.stages = h('div');
    this.filter = h('input', { id: 'filter', type: 'search', autocomplete: 'off', oninput: () => this.showModels() });
    this.shown = h('span', { class: 'faint', role: 'status' });
    this.body = h('tbody');
    this.head = h('h1', { tabindex: '-1' }, 'Models');
    this.summary = h('p');
    this.node = h('div', null, this.head, this.summary,
      h('section', { 'aria-labelledby': 'h-models' },
        h('h2', { id: 'h-models' }, 'What is served'),
        h('div', { class: 'filter' }, h('label', { for: 'filter' }, 'Filter by name or state'), this.filter, this.shown),
        h('div', { class: 'scroll', tabindex: '0', role: 'group', 'aria-label': 'All models' },
          h('table', { class: 'wide', id: 'models' },
            h('caption', null, 'All models: what serves, and what else there is of each'),
            h('thead', null, h('tr', null, ['Model', 'State'].map((text) => h('th', { scope: 'col' }, text)),
              h('th', { scope: 'col', class: 'num' }, 'Version'), h('th', { scope: 'col', class: 'num' }, 'Answers/s'), h('th', { scope: 'col', class: 'num' }, 'Errors/s'),
              ['File', 'Since', 'Candidate or refused'].map((text) => h('th', { scope: 'col' }, text)))),
            this.body))),
      h('section', { 'aria-labelledby': 'h-server' },
        h('h2', { id: 'h-server' }, 'The server'),
        h('dl', { class: 'tiles' }, Object.values(this.tiles).map((t) => t.node)),
        h('div', { class: 'charts' }, this.charts.map((chart) => chart.node)),
        this.stages));
  }

  update() {
    const rows = live.rows.get('') || [];
    this.charts.forEach((chart) => chart.update(rows));
    this.showTiles(rows[rows.length - 1]);
    showStages(this.stages, '');
    this.showModels();
  }

  showTiles(row) {
    const now = latest('');
    const set = (name, text) => setText(this.tiles[name].value, text);
    if (now) {
      set('memory', bytes(now.sum('process_resident_memory_bytes')));
      set('total', String(now.sum('weir_requests_total') ?? 0));
      set('queue', String(now.sum('weir_queue_requests') ?? 0));
    }
    if (!row || row.isGap) return;
    const all = row.ok + row.refused + row.failed;
    const whole = row.stages.whole;
    set('rate', short(all));
    set('errors', all > 0 ? percent((row.refused + row.failed) / all) : NONE);
    set('p50', seconds(whole ? whole.quantile(0.5) : null));
    set('p99', seconds(whole ? whole.quantile(0.99) : null));
    set('lag', seconds(row.lag ? row.lag.quantile(0.99) : null));
    set('busy', percent(row.busy));
    set('cpu', short(Math.round(row.cpu * 100) / 100));
  }

  showModels() {
    if (!live.models) return;
    const models = live.models.models;
    const wanted = this.filter.value.trim().toLowerCase();
    const shown = wanted === '' ? models : models.filter((m) => m.name.toLowerCase().includes(wanted) ||
      m.versions.some((v) => v.state.includes(wanted) || (KINDS[v.state] || ['', ''])[1].includes(wanted)));
    const n = models.filter((m) => m.versions.some((v) => isServing(v.state))).length;
    const bad = models.filter((m) => m.versions.some((v) => v.state === 'failed' || v.state === 'held')).length;
    setText(this.summary, models.length === 0 ? 'No models found yet.' : `${n} of ${plural(models.length, 'model')} ${n === 1 ? 'serves' : 'serve'}` + (bad > 0 ? `; ${bad} with a refused or held file.` : '.'));
    setText(this.shown, wanted === '' ? '' : plural(shown.length, 'model'));
    const rates = this.rates();
    syncList(this.body, shown, (m) => m.name, (m) => this.makeRow(m), (node, m) => this.updateRow(node, m, rates.get(m.name)));
  }

  /** Answers and errors per second of each model, over the last reading. */
  rates() {
    const now = latest('');
    const before = earlier('', 1);
    const rates = new Map();
    if (!now || !before) return rates;
    const s = (now.at - before.at) / 1000;
    const old = before.families.get('weir_requests_total');
    for (const [key, one] of now.families.get('weir_requests_total') || []) {
      const was = old && old.get(key);
      const n = Math.max(0, one.value - (was ? was.value : 0)) / s;
      const rate = rates.get(one.labels.model) || { all: 0, errors: 0 };
      rate.all += n;
      if (one.labels.code >= '4') rate.errors += n;
      rates.set(one.labels.model, rate);
    }
    return rates;
  }

  makeRow(model) {
    return h('tr', null, h('th', { scope: 'row' }, h('a', { href: '#/models/' + encodeURIComponent(model.name) }, model.name)),
      h('td'), h('td', { class: 'num' }), h('td', { class: 'num' }), h('td', { class: 'num' }), h('td', { class: 'mono' }), h('td'), h('td', { class: 'reason' }));
  }

  updateRow(node, model, rate) {
    const { serving, others } = partsOf(model);
    const cells = node.children;
    const key = JSON.stringify([model.versions]);
    setText(cells[3], rate ? short(rate.all) : '0');
    setText(cells[4], rate ? short(rate.errors) : '0');
    if (node.dataset.shown === key) return;
    node.dataset.shown = key;
    cells[1].replaceChildren(serving ? badge(serving.state) : h('span', { class: 'badge bad' }, 'not served'));
    setText(cells[2], serving && serving.version ? serving.version : NONE);
    setText(cells[5], serving ? serving.file : (others[0] && others[0].file) || NONE);
    cells[6].replaceChildren(serving ? timeNode(serving.since) : NONE);
    cells[7].replaceChildren(...others.flatMap((v) => [h('div', null, badge(v.state), ' ', v.reason || v.file)]));
  }

  destroy() {
    this.charts.forEach((chart) => chart.destroy());
  }
}

// --- events ---

function eventText(e) {
  const parts = [];
  if (e.version) parts.push(e.before ? `version ${e.before} → ${e.version}` : 'version ' + e.version);
  if (e.file) parts.push(e.file);
  if (e.ms) parts.push('in ' + seconds(e.ms / 1000));
  return parts.join(', ');
}

function eventItem(e, withModel) {
  return h('li', { class: e.problem ? 'problem' : null }, timeNode(e.at),
    withModel && e.model ? [h('a', { href: '#/models/' + encodeURIComponent(e.model) }, e.model), ': '] : null,
    h('strong', null, e.event), eventText(e) ? ' – ' + eventText(e) : '', e.reason ? h('div', { class: 'small' }, e.reason) : null);
}

/** A list of events, newest first, brought up to date in place. */
function showEvents(list, events, withModel) {
  syncList(list, events.slice(-200).reverse(), (e) => e.number, (e) => eventItem(e, withModel));
}

class Events {
  constructor() {
    this.title = 'Events';
    this.scope = '';
    this.head = h('h1', { tabindex: '-1' }, 'Events');
    this.list = h('ol', { class: 'timeline', id: 'events' });
    this.node = h('div', null, this.head, h('p', { class: 'faint' }, 'What was loaded, swapped, refused and taken from service, newest first. The server keeps the last few hundred.'), this.list);
  }

  update() {
    showEvents(this.list, live.events, true);
  }

  destroy() {}
}
