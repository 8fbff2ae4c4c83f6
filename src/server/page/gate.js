// SPDX-License-Identifier: MIT
// What the gate of a model found: the verdict, the rules with both sides' numbers, both sides' curves,
// the matrix at a threshold, and the verdicts before. From the document gate/1.

const VERDICTS = { pass: ['good', 'passed'], fail: ['bad', 'refused'], inconclusive: ['warn', 'undecided'] };
const RESULTS = { true: ['good', 'holds'], false: ['bad', 'fails'], unknown: ['warn', 'unknown'], skipped: ['none', 'skipped'] };

function mark(table_, key) {
  const [look, text] = table_[key] || ['none', String(key)];
  return h('span', { class: 'badge ' + look }, text);
}

function sideText(side) {
  if (!side) return 'none';
  return [side.version ? 'version ' + side.version : null, side.file, side.digest ? String(side.digest).replace(/^sha256:/, '').slice(0, 16) : null].filter(Boolean).join(', ');
}

function verdictPart(doc) {
  const holdout = doc.holdout || {};
  const took = doc.seconds && doc.seconds.all;
  const facts = [
    ['Candidate', sideText(doc.candidate)],
    ['Live then', sideText(doc.live)],
    ['Holdout', [holdout.file && holdout.file.split('/').pop(), isNumber(holdout.rows) ? plural(holdout.rows, 'row') : null, isNumber(holdout.uses) ? 'used ' + plural(holdout.uses, 'time') : null].filter(Boolean).join(', ')],
    ['Judged', [doc.begun ? when(doc.begun) : null, isNumber(took) ? 'in ' + seconds(took) : null].filter(Boolean).join(' ')],
  ];
  if (doc.threshold && isNumber(doc.threshold.value)) facts.push(['Threshold chosen', `${measure(doc.threshold.value)}${doc.threshold.policy ? ' (' + doc.threshold.policy + ')' : ''}`]);
  return h('div', null,
    h('p', { class: doc.verdict === 'pass' ? 'notice' : doc.verdict === 'fail' ? 'notice bad' : 'notice warn', id: 'verdict' },
      mark(VERDICTS, doc.verdict), ' ', doc.reason || doc.code || '', doc.code ? h('span', { class: 'faint' }, ` (${doc.code})`) : null),
    table('What was judged', ['Part', 'Which'], facts.filter((f) => f[1])));
}

function rulesPart(doc) {
  if (!doc.rules || doc.rules.length === 0) return h('p', { class: 'faint' }, 'No rules.');
  const value = (r, v) => namedMeasure(r.text || '', v && typeof v === 'object' ? v.value : v);
  return table('Rules, with the numbers of both sides', ['Rule', 'Result', { text: 'Candidate', num: true }, { text: 'Live', num: true }, { text: 'Interval', num: true }, { text: 'Why', class: 'reason' }],
    doc.rules.map((r) => [h('span', null, r.name ? r.name + ': ' : '', h('span', { class: 'mono' }, r.text)), h('span', null, mark(RESULTS, r.result), r.severity && r.severity !== 'must' ? ' ' + r.severity : '', r.slice ? ' @ ' + r.slice : ''),
      value(r, r.candidate), value(r, r.live), interval(r.ci), r.sentence || r.why || '']), { class: 'wide rules' });
}

const HEADLINES = ['roc_auc', 'average_precision', 'log_loss', 'brier', 'ece', 'accuracy', 'balanced_accuracy', 'precision', 'recall', 'specificity', 'f1',
  'f1_macro', 'mcc', 'kappa', 'mae', 'rmse', 'median_ae', 'r2', 'explained_variance'];

/** A number by the name of its measure: counts are whole. */
function namedMeasure(name, v) {
  return isNumber(v) && name.startsWith('n_') ? short(v) : measure(v);
}

function measuresPart(sides, doc) {
  const names = [...new Set(sides.flatMap((side) => Object.keys(side.evaluation.metrics || {})))];
  const cell = (side, name) => {
    const m = side.evaluation.metrics && side.evaluation.metrics[name];
    return !m ? NONE : isNumber(m.value) ? `${namedMeasure(name, m.value)} ${interval(m.ci)}`.trim() : m.why || 'undefined';
  };
  const delta = (name) => {
    const d = doc.delta && doc.delta[name];
    return d ? [`${signed(d.value)} ${interval(d.ci)}`.trim(), isNumber(d.p) ? (d.p < 0.0001 ? d.p.toExponential(1) : d.p.toFixed(4)) : ''] : ['', ''];
  };
  const head = ['Measure', ...sides.map((side) => ({ text: side.name, num: true }))];
  if (sides.length > 1) head.push({ text: 'Candidate − live', num: true }, { text: 'p', num: true });
  const rows = (list) => list.map((name) => [name, ...sides.map((side) => cell(side, name)), ...(sides.length > 1 ? delta(name) : [])]);
  const first = HEADLINES.filter((name) => names.includes(name));
  const rest = names.filter((name) => !first.includes(name));
  return [table('Measures on the holdout, with 95 % intervals where they are known', head, rows(first), { class: 'measures' }),
    rest.length > 0 ? h('details', null, h('summary', null, plural(rest.length, 'more measure')), table('The other measures', head, rows(rest))) : null];
}

function hasCurves(side) {
  const c = side.evaluation && side.evaluation.curves;
  return Boolean(c && c.roc && c.roc.fpr && c.roc.fpr.length > 0);
}

function sidesOf(doc) {
  const sides = [];
  if (doc.evaluation) sides.push({ name: 'candidate', kind: 'candidate', evaluation: doc.evaluation });
  if (doc.live_evaluation) sides.push({ name: 'live', kind: 'live', evaluation: doc.live_evaluation });
  return sides;
}

function curvesPart(sides, doc) {
  const drawn = sides.filter(hasCurves);
  const parts = [];
  if (drawn.length > 0) {
    const roc = rocFigure(drawn);
    const pr = prFigure(drawn);
    parts.push(h('h3', null, 'Curves'), h('div', { class: 'curves' }, roc.node, pr.node, calibrationFigure(drawn)));
    const chosen = doc.threshold && isNumber(doc.threshold.value) ? doc.threshold.value : drawn[0].evaluation.threshold && drawn[0].evaluation.threshold.value;
    const cutoff = cutoffPart(drawn, chosen, (points) => {
      roc.move(points);
      pr.move(points);
    });
    parts.push(h('h3', null, 'Confusion matrix'), cutoff);
  } else {
    const counted = sides.filter((side) => side.evaluation.confusion);
    if (counted.length > 0) parts.push(h('h3', null, 'Confusion matrix'), counted.map((side) => countsTable(side.name, side.evaluation.confusion)));
  }
  return parts;
}

function slicesPart(sides) {
  const rows = sides.flatMap((side) => (side.evaluation.slices || []).map((slice) => {
    const e = slice.evaluation || slice;
    const m = e.metrics || {};
    const value = (name) => (m[name] && isNumber(m[name].value) ? measure(m[name].value) : NONE);
    return [slice.name || slice.slice || '', side.name, short((e.data && e.data.used) ?? slice.rows), value('roc_auc'), value('accuracy'), value('f1'), value('log_loss'), value('rmse')];
  }));
  if (rows.length === 0) return null;
  rows.sort((a, b) => a[0].localeCompare(b[0]));
  return [h('h3', null, 'Slices'), table('The same measures on parts of the holdout', ['Slice', 'Side', ...['Rows', 'roc_auc', 'accuracy', 'f1', 'log_loss', 'rmse'].map((text) => ({ text, num: true }))], rows)];
}

function historyPart(history) {
  if (!history || history.length === 0) return h('p', { class: 'faint' }, 'No verdicts yet.');
  return table('Verdicts, newest first', ['When', 'Verdict', { text: 'Version', num: true }, 'Digest', { text: 'Reason', class: 'reason' }, { text: 'Took', num: true }, { text: 'Forced', class: 'reason' }],
    history.map((r) => [r.at ? timeNode(r.at) : NONE, mark(VERDICTS, r.verdict), r.version ? String(r.version) : NONE, h('span', { class: 'mono' }, String(r.digest || '').replace(/^sha256:/, '').slice(0, 16)),
      r.code && !String(r.reason).startsWith(r.code) ? `${r.reason || ''} (${r.code})` : r.reason, r.seconds > 0 ? seconds(r.seconds) : NONE, r.forced ? `${r.forced.reason || ''}${r.forced.by ? ', by ' + r.forced.by : ''}` : '']), { class: 'wide' });
}

/** The gate's part of a model's page, or a word about why there is none. got: the answer of …/gate. */
function gatePart(model, got, say, done) {
  if (got.status === 404) return [h('p', { class: 'faint' }, 'No gate: every file that loads and answers its checks is served.')];
  if (!got.ok) return [h('p', { class: 'notice bad' }, (got.body && got.body.error) || 'The gate could not be read: ' + got.status)];
  const { gate, state, latest: doc, history } = got.body;
  const parts = [];
  if (!gate && !doc) return [h('p', { class: 'faint' }, 'No gate: every file that loads and answers its checks is served.')];
  parts.push(h('p', null, gate ? ['Judged by ', h('span', { class: 'mono' }, gate.file || 'the configuration'), '. '] : null,
    state === 'judging' ? h('span', { class: 'badge warn' }, 'a candidate is being judged') : null,
    state === 'held' ? h('span', { class: 'badge bad' }, 'a candidate is held back') : null));
  if (doc) {
    const sides = sidesOf(doc);
    parts.push(verdictPart(doc));
    if (state === 'held') parts.push(h('div', { class: 'buttons' }, actionButton('promote', model, say, done)));
    if (sides.length > 0) parts.push(h('p', null, h('a', { href: `/weir/v1/models/${encodeURIComponent(model)}/gate/report`, target: '_blank', rel: 'noopener' }, 'The full report')));
    parts.push(h('h3', null, 'Rules'), rulesPart(doc));
    if (sides.length > 0) parts.push(...curvesPart(sides, doc), h('h3', null, 'Measures'), ...measuresPart(sides, doc), slicesPart(sides));
    if (doc.disagreements && isNumber(doc.disagreements.count)) {
      const rows = doc.disagreements.rows || [];
      parts.push(h('p', null, `The two answer differently on ${plural(doc.disagreements.count, 'row')} of the holdout${rows.length > 0 ? ': ' + rows.join(', ') + (rows.length < doc.disagreements.count ? ', …' : '') : ''}.`));
    }
    if (doc.command) parts.push(h('details', null, h('summary', null, 'The same from the command line'), h('pre', { tabindex: '0' }, doc.command)));
  }
  parts.push(h('h3', null, 'Verdicts before'), historyPart(history));
  return parts.flat().filter(Boolean);
}
