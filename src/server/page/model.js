// SPDX-License-Identifier: MIT
// The page of one model.

const GATE_MS = 5000;

class ModelPage {
  constructor(name) {
    this.title = name;
    this.name = name;
    this.scope = name;
    this.path = '/weir/v1/models/' + encodeURIComponent(name);
    this.shown = {};
    this.gateAt = -Infinity;
    this.isReading = false;
    this.off = {};
    this.head = h('h1', { tabindex: '-1' }, name);
    this.line = h('div', { id: 'model-state' });
    this.said = h('p', { role: 'status', id: 'said' });
    this.versions = h('div');
    this.totals = h('div');
    this.stages = h('div');
    this.signature = h('div', null, h('p', { class: 'faint' }, 'Not known while nothing serves.'));
    this.form = h('div', null, h('p', { class: 'faint' }, 'Nothing serves.'));
    this.gate = h('div');
    this.quality = h('div');
    this.timeline = h('ol', { class: 'timeline', id: 'timeline' });
    this.charts = [throughputChart(), new LatencyChart('Latency by stage'), batchChart()];
    const say = (text, isBad) => {
      setText(this.said, text);
      this.said.className = isBad ? 'notice bad' : text ? 'notice' : '';
    };
    this.say = say;
    this.done = () => {
      this.gateAt = -Infinity;
      this.isChanged = true;
    };
    const section = (id, title, ...children) => h('section', { 'aria-labelledby': 'h-' + id, id: 's-' + id }, h('h2', { id: 'h-' + id, tabindex: '-1' }, title), children);
    this.node = h('div', null,
      h('p', { class: 'small' }, h('a', { href: '#/' }, 'All models')),
      this.head, this.line,
      h('div', { class: 'buttons' }, ['rollback', 'load', 'unload'].map((kind) => actionButton(kind, name, say, this.done))),
      this.said,
      section('versions', 'Versions', this.versions),
      section('gate', 'Gate', this.gate),
      section('try', 'Try it', this.form),
      section('live', 'Traffic', h('div', { class: 'charts' }, this.charts.map((chart) => chart.node)), this.stages, this.totals),
      section('signature', 'Signature', this.signature),
      section('quality', 'Live quality', this.quality),
      section('timeline', 'Swaps', this.timeline));
  }

  update() {
    const model = modelOf(this.name);
    if (!live.models) return;
    if (!model) {
      setText(this.line, 'There is no model of this name any more.');
      return;
    }
    const { serving, others } = partsOf(model);
    this.showState(serving, others, model);
    const rows = live.rows.get(this.scope) || [];
    this.charts.forEach((chart) => chart.update(rows));
    showStages(this.stages, this.scope);
    this.showTotals();
    showEvents(this.timeline, live.events.filter((e) => e.model === this.name), false);
    if (serving && this.shown.digest !== serving.digest) this.readSignature(serving.digest);
    this.readGate(JSON.stringify(model.versions.map((v) => [v.state, v.digest, v.since])));
  }

  showState(serving, others, model) {
    const key = JSON.stringify(model.versions);
    if (this.shown.versions === key) return;
    this.shown.versions = key;
    this.line.replaceChildren(serving ? badge(serving.state) : h('span', { class: 'badge bad' }, 'not served'),
      serving ? ` version ${serving.version} since ${when(serving.since)}` : '');
    this.line.append(...others.map((v) => h('div', { class: 'notice ' + (v.state === 'failed' || v.state === 'held' ? 'bad' : 'warn') }, badge(v.state), ' ', v.reason || v.file)));
    const head = ['State', { text: 'Version', num: true }, 'File', 'Digest', 'Since', { text: 'Attempts', num: true }, { text: 'Reason', class: 'reason' }];
    showTable(this.versions, 'What serves, and every file that is a candidate or was refused', head, model.versions.map((v) => [badge(v.state), v.version || NONE,
      h('span', { class: 'mono' }, v.file), h('span', { class: 'mono', title: v.digest || null }, (v.digest || '').slice(0, 16)), timeNode(v.since), String(v.attempts), v.reason || '']), { class: 'wide', id: 'versions' });
  }

  /** The counters as they stand on /metrics. */
  showTotals() {
    const now = latest(this.scope);
    if (!now) return;
    const mine = { model: this.name };
    const rows = [];
    const add = (name, text) => now.all(name, mine).forEach((one) => rows.push([text(one.labels), one.labels.version || '', String(one.value)]));
    add('weir_requests_total', (l) => `answers ${l.code} by ${l.protocol}`);
    add('weir_rows_total', () => 'rows');
    add('weir_batches_total', (l) => `batches, ${l.reason}, ${l.place}`);
    add('weir_refused_total', (l) => `refused: ${l.reason}`);
    showTable(this.totals, 'Counted since the start', ['What', 'Version', { text: 'Number', num: true }], rows, { id: 'totals' });
  }

  async readSignature(digest) {
    this.shown.digest = digest;
    try {
      const meta = (await get('/v2/models/' + encodeURIComponent(this.name))).body;
      const key = JSON.stringify([meta.inputs, meta.outputs, meta.parameters && meta.parameters.feature_names, meta.parameters && meta.parameters.classes]);
      this.signature.replaceChildren(signaturePart(meta));
      // What was typed in stays while the signature is the same.
      if (this.shown.form !== key) this.form.replaceChildren(formPart(this.name, meta));
      this.shown.form = key;
    } catch (e) {
      this.shown.digest = null;
      this.signature.replaceChildren(h('p', { class: 'notice bad' }, e.message));
    }
  }

  /** Reads the gate and the quality when the model's versions changed, and now and then. */
  async readGate(key) {
    const now = performance.now();
    if (this.isReading || (this.shown.gateKey === key && now - this.gateAt < GATE_MS)) return;
    this.isReading = true;
    try {
      // Where one of them is off the answer is 404, which browsers log as an error: it is asked for again
      // only when the model's versions have changed.
      const once = (part) => {
        const old = this.shown.gateKey === key && this.off[part];
        return old || ask(this.path + '/' + part);
      };
      const [gate, quality] = await Promise.all([once('gate'), once('quality')]);
      this.off = { gate: gate.status === 404 ? gate : null, quality: quality.status === 404 ? quality : null };
      this.show('gate', gate, () => gatePart(this.name, gate, this.say, this.done));
      this.show('quality', quality, () => qualityPart(quality));
      this.isChanged = false;
    } catch (e) {
      if (!this.shown.gate) setText(this.gate, e.message);
    }
    this.shown.gateKey = key;
    this.gateAt = performance.now();
    this.isReading = false;
  }

  /** Shows a part anew where its document has changed; what was unfolded stays so. A part that is in use by
   * the keyboard waits, unless a button on this page changed it. */
  show(part, got, make) {
    const key = got.status + got.text.replace(/"to":"[^"]*"/, '');
    const node = this[part];
    const isInUse = node.contains(document.activeElement);
    if (this.shown[part] === key || (this.shown[part] && isInUse && !this.isChanged)) return;
    this.shown[part] = key;
    const open = [...node.querySelectorAll('details[open] > summary')].map((e) => e.textContent);
    node.replaceChildren(...make());
    node.querySelectorAll('details > summary').forEach((e) => (e.parentElement.open = open.includes(e.textContent)));
    if (isInUse) document.getElementById('h-' + part).focus();
  }

  destroy() {
    this.charts.forEach((chart) => chart.destroy());
  }
}
