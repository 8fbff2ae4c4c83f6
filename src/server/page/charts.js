// SPDX-License-Identifier: MIT
// Time series, drawn by dygraphs; around each a caption, a legend with the newest values, and the numbers
// as a table. Lines differ by their dashes too.

const DASHES = [null, [7, 4], [2, 3], [10, 3, 2, 3], [4, 4]];
const COLOURS = ['--one', '--two', '--three', '--four', '--five'];
const SHOWN_MS_MIN = 60 * 1000;
const SHOWN_MS_MAX = 300 * 1000;

// Its legend would need inline styles, which the page's policy forbids; ours stands below the chart.
Dygraph.PLUGINS = Dygraph.PLUGINS.filter((plugin) => plugin === Dygraph.Plugins.Axes || plugin === Dygraph.Plugins.Grid);

function styleOf(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function chartColours(n) {
  return {
    colors: COLOURS.slice(0, n).map(styleOf),
    axisLineColor: styleOf('--line'),
    gridLineColor: styleOf('--grid'),
  };
}

const charts = new Set();
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => charts.forEach((chart) => chart.recolour()));

/** A chart of some lines over the last five minutes. lines: [{name, of(row) → number or null}]; format
 * writes a value for people, axis one for the axis. */
class TimeChart {
  constructor(title, lines, format, axis = format) {
    this.title = title;
    this.lines = lines;
    this.format = format;
    this.axis = axis;
    this.graph = null;
    this.rows = [];
    this.values = lines.map(() => h('b', null, NONE));
    this.plot = h('div', { class: 'plot', role: 'img', 'aria-label': title + ': lines over the last five minutes. The numbers are in the table below.' });
    this.body = h('div');
    this.details = h('details', { ontoggle: () => this.fillTable() }, h('summary', null, 'Numbers', h('span', { class: 'faint' }, ' of ' + title)), this.body);
    const legend = h('ul', { class: 'legend' }, lines.map((line, i) => h('li', null,
      s('svg', { viewBox: '0 0 30 10', 'aria-hidden': 'true' },
        s('line', { x1: 0, y1: 5, x2: 30, y2: 5, class: 's' + (i + 1), 'stroke-width': 2.5, 'stroke-dasharray': DASHES[i] && DASHES[i].join(' ') })),
      line.name + ' ', this.values[i])));
    this.node = h('figure', { class: 'chart' }, h('figcaption', null, title), this.plot, legend, this.details);
    charts.add(this);
  }

  options() {
    const n = this.lines.length;
    const series = {};
    this.lines.forEach((line, i) => (series[line.name] = { strokePattern: DASHES[i] }));
    return {
      labels: ['time', ...this.lines.map((line) => line.name)],
      ...chartColours(n),
      series,
      strokeWidth: 2,
      includeZero: true,
      drawPoints: false,
      highlightCircleSize: 3,
      interactionModel: {},
      axisLabelFontSize: 12,
      xAxisHeight: 26,
      axes: {
        x: { axisLabelFormatter: (ms) => clock(new Date(ms)).slice(0, 8), pixelsPerLabel: 90, drawGrid: false },
        y: { axisLabelFormatter: (v) => this.axis(v), axisLabelWidth: 62, pixelsPerLabel: 36 },
      },
    };
  }

  recolour() {
    if (this.graph) this.graph.updateOptions(chartColours(this.lines.length));
  }

  /** Shows rows of live.js, the last at the right edge. */
  update(rows) {
    const shown = rows.length > 0 ? rows : [];
    this.rows = shown;
    const last = shown[shown.length - 1];
    this.lines.forEach((line, i) => setText(this.values[i], last && !last.isGap ? this.format(line.of(last)) : NONE));
    if (!this.plot.isConnected || shown.length === 0) return;
    const data = shown.map((row) => [row.at, ...this.lines.map((line) => (row.isGap ? null : line.of(row)))]);
    const values = data.flatMap((row) => row.slice(1)).filter(isNumber);
    const high = Math.max(...values, 0);
    const span = Math.min(SHOWN_MS_MAX, Math.max(SHOWN_MS_MIN, last.at - shown[0].at));
    const scale = { dateWindow: [last.at - span, last.at], valueRange: [0, high > 0 ? high * 1.08 : 1] };
    if (!this.graph) this.graph = new Dygraph(this.plot, data, { ...this.options(), ...scale });
    else this.graph.updateOptions({ file: data, ...scale });
    if (this.details.open) this.fillTable();
  }

  fillTable() {
    if (!this.details.open) return;
    const recent = this.rows.filter((row) => !row.isGap).slice(-30).reverse();
    this.body.replaceChildren(table(this.title + ', the last 30 seconds, newest first',
      ['Time', ...this.lines.map((line) => ({ text: line.name, num: true }))],
      recent.map((row) => [clock(new Date(row.at)), ...this.lines.map((line) => this.format(line.of(row)))])));
  }

  destroy() {
    charts.delete(this);
    if (this.graph) this.graph.destroy();
    this.graph = null;
  }
}

/** The latency chart, whose percentile is chosen by a group of radio buttons. */
class LatencyChart extends TimeChart {
  constructor(title) {
    let q = 0.5;
    super(title, STAGES.map((stage) => ({ name: stage, of: (row) => (row.stages[stage] ? row.stages[stage].quantile(q) : null) })), seconds);
    LatencyChart.n = (LatencyChart.n || 0) + 1;
    const choose = (value) => {
      q = value;
      this.update(this.rows);
    };
    const radio = (value, text) => h('label', null,
      h('input', { type: 'radio', name: 'percentile-' + LatencyChart.n, checked: value === q, onchange: () => choose(value) }), ' ' + text + ' ');
    this.plot.before(h('div', { class: 'small', role: 'radiogroup', 'aria-label': 'Percentile of the latency' },
      radio(0.5, 'p50'), radio(0.9, 'p90'), radio(0.99, 'p99')));
  }
}

function throughputChart() {
  return new TimeChart('Answers per second', [
    { name: 'done', of: (row) => row.ok },
    { name: 'refused (4xx)', of: (row) => row.refused },
    { name: 'failed (5xx)', of: (row) => row.failed },
  ], short);
}

function batchChart() {
  return new TimeChart('Rows in a batch', [
    { name: 'mean', of: (row) => (row.batches ? row.batches.mean : null) },
    { name: 'p99', of: (row) => (row.batches ? row.batches.quantile(0.99) : null) },
  ], short);
}

function queueChart() {
  return new TimeChart('Queue', [
    { name: 'requests', of: (row) => row.queueRequests },
    { name: 'rows', of: (row) => row.queueRows },
  ], short);
}

function lagChart() {
  return new TimeChart('Loop lag', [
    { name: 'p50', of: (row) => (row.lag ? row.lag.quantile(0.5) : null) },
    { name: 'p99', of: (row) => (row.lag ? row.lag.quantile(0.99) : null) },
  ], seconds);
}

/** Latency by stage as a table: the last minute beside everything since the start. */
function showStages(holder, scope) {
  const now = latest(scope);
  const before = earlier(scope, 60 * 1000);
  const mine = scope === '' ? {} : { model: scope };
  const rows = STAGES.map((stage) => {
    const minute = now && before ? now.recorded(before, 'weir_request_stage_seconds', { ...mine, stage }) : null;
    const all = now ? now.histogram('weir_request_stage_seconds', { ...mine, stage }) : null;
    const of = (histogram, q) => seconds(histogram ? histogram.quantile(q) : null);
    return [stage, of(minute, 0.5), of(minute, 0.9), of(minute, 0.99), of(all, 0.5), of(all, 0.9), of(all, 0.99),
      all ? String(all.count) : NONE];
  });
  showTable(holder, 'Latency by stage, from histograms whose buckets double; the first three columns are the last minute, the others everything since the start',
    ['Stage', ...['p50', 'p90', 'p99', 'p50, all', 'p90, all', 'p99, all', 'Count'].map((text) => ({ text, num: true }))], rows,
    { 'data-scope': scope, class: 'stages' });
}
