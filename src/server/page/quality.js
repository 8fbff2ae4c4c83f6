// SPDX-License-Identifier: MIT
// Live quality: what labels that came later say of the predictions of the last hours, and how far the
// inputs have drifted from the holdout. The document is an evaluation (eval/1) with parts of its own.

const DRIFT_SHOWN_MAX = 40;

function range(pair) {
  return Array.isArray(pair) && pair.every(isNumber) ? `${measure(pair[0])} … ${measure(pair[1])}` : '';
}

function coveragePart(doc) {
  const c = doc.coverage || {};
  const w = doc.window || {};
  const store = doc.store || {};
  const facts = [
    ['Version', doc.model && doc.model.version],
    ['Window', [w.from ? when(w.from) + ' to' : null, w.to ? when(w.to) : null].filter(Boolean).join(' ')],
    ['Predictions', isNumber(c.predicted) ? String(c.predicted) : null],
    ['With labels', isNumber(c.labelled) ? `${c.labelled}${isNumber(c.share) ? ' (' + percent(c.share) + ')' : ''}` : null],
    ['Waiting for labels', isNumber(store.waiting) ? String(store.waiting) : null],
  ];
  return table('What it is about', ['Part', 'Which'], facts.filter((f) => f[1]));
}

function liveMeasures(doc) {
  const metrics = Object.entries(doc.metrics || {});
  if (metrics.length === 0) return null;
  return table('Measures of live predictions; bounds are those of counting in bins', ['Measure', { text: 'Value', num: true }, { text: 'Interval', num: true }, { text: 'Bounds', num: true }],
    metrics.map(([name, m]) => [name, isNumber(m.value) ? namedMeasure(name, m.value) : m.why || 'undefined', interval(m.ci), range(m.bounds)]));
}

function driftPart(doc) {
  const drift = doc.drift;
  if (!drift || !drift.features) return null;
  const row = (name, d) => [name, d.alarm ? h('span', { class: 'badge bad' }, 'drifted') : h('span', { class: 'badge none' }, 'no'), measure(d.psi), measure(d.guard), range(d.ks), isNumber(d.ks_p) ? measure(d.ks_p) : ''];
  const features = [...drift.features].sort((a, b) => (b.psi ?? -1) - (a.psi ?? -1));
  const rows = [drift.score ? row('the score', drift.score) : null, ...features.slice(0, DRIFT_SHOWN_MAX).map((d) => row(typeof d.feature === 'number' ? 'column ' + (d.feature + 1) : d.feature, d))].filter(Boolean);
  return [h('h3', null, 'Drift'),
    h('p', null, `${plural(drift.alarms || 0, 'part')} of ${drift.features.length + 1} drifted from ${drift.reference || 'the holdout'}${isNumber(drift.rows) ? ', by ' + plural(drift.rows, 'row') : ''}.`),
    table(`Farthest first${features.length > DRIFT_SHOWN_MAX ? ', ' + DRIFT_SHOWN_MAX + ' of ' + features.length : ''}: drifted when the PSI is above ${measure(drift.psi_limit)} and above what chance makes likely`,
      ['Part', 'Drifted', { text: 'PSI', num: true }, { text: 'By chance', num: true }, { text: 'KS', num: true }, { text: 'p', num: true }], rows)];
}

function liveCurves(doc) {
  const side = { name: 'live predictions', kind: 'live', evaluation: doc };
  const curves = doc.curves || {};
  const figures = [curves.roc && curves.roc.fpr.length > 1 ? rocFigure([side]).node : null, curves.calibration && curves.calibration.mean_p.length > 0 ? calibrationFigure([side]) : null].filter(Boolean);
  return figures.length > 0 ? h('div', { class: 'curves' }, figures) : null;
}

function qualityPart(got) {
  if (got.status === 404) return [h('p', { class: 'faint' }, 'Live quality is not measured: it is off for this model.')];
  if (!got.ok) return [h('p', { class: 'notice bad' }, (got.body && got.body.error) || 'It could not be read: ' + got.status)];
  const doc = got.body;
  return [coveragePart(doc), liveMeasures(doc), liveCurves(doc), doc.confusion ? countsTable('live predictions', doc.confusion) : null, driftPart(doc)].flat().filter(Boolean);
}
