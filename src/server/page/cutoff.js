// SPDX-License-Identifier: MIT
// The confusion matrix at a threshold that a slider chooses. An ROC curve with its thresholds, and the
// numbers of positive and negative rows, give the counts: TP = TPR × P, FP = FPR × N. A document may
// keep only the curve's corners; then a side is shown at the nearest threshold it has, which is said.

/** Positive and negative weight of an evaluation's rows. */
function totalsOf(evaluation) {
  const counts = evaluation.confusion && evaluation.confusion.counts;
  if (counts && counts.length === 2) return { n: counts[0][0] + counts[0][1], p: counts[1][0] + counts[1][1] };
  return { n: evaluation.data.neg, p: evaluation.data.pos };
}

/** The points of a sweep, thresholds falling; the first, which takes no row, has threshold Infinity. */
function sweepOf(evaluation) {
  const roc = evaluation.curves.roc;
  const { p, n } = totalsOf(evaluation);
  return roc.fpr.map((fpr, i) => {
    const tp = roc.tpr[i] * p;
    const fp = fpr * n;
    return { threshold: isNumber(roc.thr[i]) ? roc.thr[i] : Infinity, fpr, tpr: roc.tpr[i], tp, fp, fn: p - tp, tn: n - fp,
      precision: tp + fp > 0 ? tp / (tp + fp) : null };
  });
}

/** The decisions `score >= threshold`: the last point whose threshold is not below it. */
function pointAt(sweep, threshold) {
  let best = sweep[0];
  for (const point of sweep) {
    if (point.threshold < threshold) break;
    best = point;
  }
  return best;
}

function count(v) {
  return isNumber(v) ? (Math.abs(v - Math.round(v)) < 1e-6 ? String(Math.round(v)) : v.toFixed(2)) : NONE;
}

function share(part, whole) {
  return whole > 0 ? percent(part / whole) : NONE;
}

function matrixTable(name, labels, point) {
  const cell = (value, whole, isHit) => h('td', { class: isHit ? 'hit' : 'miss' }, count(value), h('small', null, share(value, whole)));
  const n = point.tn + point.fp;
  const p = point.tp + point.fn;
  return h('table', { class: 'matrix', 'data-side': name },
    h('caption', null, `${name}, at ${point.threshold === Infinity ? 'a threshold above all scores' : 'threshold ' + String(Number(point.threshold.toPrecision(6)))}`),
    h('thead', null, h('tr', null, h('th', { scope: 'col' }, 'true class'), h('th', { scope: 'col' }, 'answered ' + labels[0]), h('th', { scope: 'col' }, 'answered ' + labels[1]))),
    h('tbody', null,
      h('tr', null, h('th', { scope: 'row' }, labels[0]), cell(point.tn, n, true), cell(point.fp, n, false)),
      h('tr', null, h('th', { scope: 'row' }, labels[1]), cell(point.fn, p, false), cell(point.tp, p, true))));
}

function ratesTable(sides, points) {
  const of = (name, f) => [name, ...points.map((point) => measure(f(point)))];
  const f1 = (p) => (2 * p.tp + p.fp + p.fn > 0 ? 2 * p.tp / (2 * p.tp + p.fp + p.fn) : null);
  const mcc = (p) => {
    const root = Math.sqrt((p.tp + p.fp) * (p.tp + p.fn) * (p.tn + p.fp) * (p.tn + p.fn));
    return root > 0 ? (p.tp * p.tn - p.fp * p.fn) / root : 0;
  };
  return table('At this threshold', ['Measure', ...sides.map((side) => ({ text: side.name, num: true }))], [
    of('Recall', (p) => p.tpr),
    of('False positive rate', (p) => p.fpr),
    of('Precision', (p) => p.precision),
    of('F1', f1),
    of('MCC', mcc),
    of('Accuracy', (p) => (p.tp + p.tn) / (p.tp + p.tn + p.fp + p.fn)),
  ]);
}

/** The slider with its matrices. onmove(points) tells where each side stands. */
function cutoffPart(sides, chosen, onmove) {
  const sweeps = sides.map((side) => sweepOf(side.evaluation));
  const labels = sides[0].evaluation.confusion ? sides[0].evaluation.confusion.labels : sides[0].evaluation.classes || ['negative', 'positive'];
  const positions = sweeps[0].filter((point) => point.threshold !== Infinity).map((point) => point.threshold).reverse();
  if (positions.length === 0) return null;
  const nearest = (t) => positions.reduce((best, v, i) => (Math.abs(v - t) < Math.abs(positions[best] - t) ? i : best), 0);
  const start = isNumber(chosen) ? nearest(chosen) : nearest(0.5);
  const slider = h('input', { type: 'range', id: 'cutoff', min: 0, max: positions.length - 1, step: 1, value: start });
  const shown = h('output', { for: 'cutoff', class: 'mono' });
  const matrices = h('div', { class: 'matrices' });
  const rates = h('div');
  const note = h('p', { class: 'small faint' }, 'The document keeps the corners of each curve: a side is shown at its nearest threshold that is not below the chosen one.');
  const show = () => {
    const t = positions[Number(slider.value)];
    const points = sweeps.map((sweep) => pointAt(sweep, t));
    const text = String(Number(t.toPrecision(6)));
    setText(shown, text);
    slider.setAttribute('aria-valuetext', `threshold ${text}: recall ${measure(points[0].tpr)}, false positive rate ${measure(points[0].fpr)}`);
    note.hidden = points.every((point) => point.threshold === points[0].threshold);
    matrices.replaceChildren(...points.map((point, i) => matrixTable(sides[i].name, labels, point)));
    rates.replaceChildren(ratesTable(sides, points));
    onmove(points);
  };
  slider.addEventListener('input', show);
  show();
  return h('div', null,
    h('label', { for: 'cutoff' }, `Threshold: a score at least as high is answered ${labels[1]} `), shown, slider,
    isNumber(chosen) ? h('div', { class: 'buttons' }, h('button', { type: 'button', onclick: () => {
      slider.value = nearest(chosen);
      show();
    } }, 'Back to the chosen threshold')) : null,
    matrices, note, rates);
}

/** The matrix of any number of classes, as it was counted. */
function countsTable(name, confusion) {
  const sums = confusion.counts.map((row) => row.reduce((a, b) => a + b, 0));
  return h('div', { class: 'scroll', tabindex: '0', role: 'group', 'aria-label': 'Confusion matrix of ' + name },
    h('table', { class: 'matrix' }, h('caption', null, name),
      h('thead', null, h('tr', null, h('th', { scope: 'col' }, 'true class'), confusion.labels.map((label) => h('th', { scope: 'col' }, label)))),
      h('tbody', null, confusion.counts.map((row, i) => h('tr', null, h('th', { scope: 'row' }, confusion.labels[i]),
        row.map((v, j) => h('td', { class: i === j ? 'hit' : v > 0 ? 'miss' : null }, count(v), h('small', null, share(v, sums[i])))))))));
}
