// SPDX-License-Identifier: MIT
// Curves of one or two evaluations in the unit square, as SVG: ROC, precision and recall, calibration.

const SIZE = 320;
const LEFT = 52;
const TOP = 12;
const SIDE = SIZE - LEFT - 16;

function px(v) {
  return LEFT + v * SIDE;
}

function py(v) {
  return TOP + (1 - v) * SIDE;
}

function pathOf(xs, ys) {
  let d = '';
  let isOpen = false;
  for (let i = 0; i < xs.length; i++) {
    if (!isNumber(xs[i]) || !isNumber(ys[i])) {
      isOpen = false;
      continue;
    }
    const x = px(xs[i]).toFixed(2);
    const y = py(ys[i]).toFixed(2);
    d += isOpen ? `L${x} ${y}` : `M${x} ${y}`;
    isOpen = true;
  }
  return d;
}

function frame(xName, yName) {
  const parts = [];
  for (const v of [0, 0.25, 0.5, 0.75, 1]) {
    parts.push(s('line', { class: 'grid', x1: px(v), x2: px(v), y1: py(0), y2: py(1) }),
      s('line', { class: 'grid', x1: px(0), x2: px(1), y1: py(v), y2: py(v) }),
      s('text', { class: 'tick', x: px(v), y: py(0) + 16, 'text-anchor': 'middle' }, String(v)),
      s('text', { class: 'tick', x: px(0) - 6, y: py(v) + 4, 'text-anchor': 'end' }, String(v)));
  }
  parts.push(s('path', { class: 'axis', d: `M${px(0)} ${py(1)}V${py(0)}H${px(1)}` }),
    s('text', { x: px(0.5), y: py(0) + 36, 'text-anchor': 'middle' }, xName),
    s('text', { x: 12, y: py(0.5), 'text-anchor': 'middle', transform: `rotate(-90 12 ${py(0.5)})` }, yName));
  return parts;
}

let n_titles = 0;

/** A drawing with its name and what it shows in words. */
function drawing(title, description, ...parts) {
  const id = 'curve-' + ++n_titles;
  return s('svg', { class: 'curve', viewBox: `0 0 ${SIZE} ${TOP + SIDE + 42}`, role: 'img', 'aria-labelledby': `${id}-t ${id}-d` },
    s('title', { id: id + '-t' }, title), s('desc', { id: id + '-d' }, description), parts);
}

function keyOf(sides, textOf) {
  return h('ul', { class: 'legend' }, sides.map((side) => h('li', null,
    s('svg', { viewBox: '0 0 30 10', 'aria-hidden': 'true' }, s('line', { class: 'line ' + side.kind, x1: 0, x2: 30, y1: 5, y2: 5 })),
    side.name + ' ', h('b', null, textOf(side)))));
}

function numbersOf(caption, head, rows) {
  return h('details', null, h('summary', null, 'Numbers', h('span', { class: 'faint' }, ' of ' + caption)),
    table(caption, head.map((text, i) => (i === 0 ? text : { text, num: true })), rows));
}

/** The height of a rising curve at x. */
function heightAt(xs, ys, x) {
  for (let i = 0; i < xs.length; i++) {
    if (xs[i] >= x) {
      if (i === 0 || xs[i] === xs[i - 1]) {
        let best = ys[i];
        for (let j = i; j < xs.length && xs[j] === xs[i] && xs[i] <= x; j++) best = ys[j];
        return best;
      }
      if (xs[i] === x) {
        let best = ys[i];
        for (let j = i; j < xs.length && xs[j] === x; j++) best = ys[j];
        return best;
      }
      return ys[i - 1] + (ys[i] - ys[i - 1]) * (x - xs[i - 1]) / (xs[i] - xs[i - 1]);
    }
  }
  return null;
}

function metricOf(evaluation, name) {
  const m = evaluation.metrics && evaluation.metrics[name];
  return m && isNumber(m.value) ? m : null;
}

function withInterval(metric) {
  return metric ? `${measure(metric.value)} ${interval(metric.ci)}`.trim() : NONE;
}

/** Where a chosen threshold stands on the curves; moved by the slider. */
function marker(side) {
  return s('circle', { class: 'dot line ' + side.kind, r: 4.5, cx: -20, cy: -20 });
}

function rocFigure(sides) {
  const dots = sides.map(marker);
  const text = (side) => 'AUC ' + withInterval(metricOf(side.evaluation, 'roc_auc'));
  const at = [0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1];
  const node = h('figure', null, h('figcaption', null, 'ROC'),
    drawing('ROC curves', sides.map((side) => `${side.name}: ${text(side)}`).join('; '), frame('false positive rate', 'true positive rate'),
      s('path', { class: 'guide', d: `M${px(0)} ${py(0)}L${px(1)} ${py(1)}` }),
      sides.map((side) => s('path', { class: 'line ' + side.kind, 'data-side': side.kind, d: pathOf(side.evaluation.curves.roc.fpr, side.evaluation.curves.roc.tpr) })), dots),
    keyOf(sides, text),
    numbersOf('true positive rate by false positive rate', ['False positive rate', ...sides.map((side) => side.name)],
      at.map((x) => [String(x), ...sides.map((side) => measure(heightAt(side.evaluation.curves.roc.fpr, side.evaluation.curves.roc.tpr, x)))])));
  return { node, move: (points) => place(dots, points, (p) => [p.fpr, p.tpr]) };
}

function place(dots, points, coordinates) {
  dots.forEach((dot, i) => {
    const [x, y] = points[i] ? coordinates(points[i]) : [null, null];
    dot.setAttribute('cx', isNumber(x) && isNumber(y) ? px(x) : -20);
    dot.setAttribute('cy', isNumber(x) && isNumber(y) ? py(y) : -20);
  });
}

/** Recall and precision along the ROC curve's straight lines, on which the thresholds lie that a document
 * leaves out, and rows of one score: between two points precision is no straight line (Davis and Goadrich
 * 2006, §3). */
function prOf(evaluation) {
  const sweep = sweepOf(evaluation);
  const recall = [];
  const precision = [];
  sweep.forEach((point, i) => {
    const before = sweep[i - 1];
    const steps = before && before.tp + before.fp > 0 ? Math.max(1, Math.ceil((point.tpr - before.tpr) * 100)) : 1;
    for (let k = 1; k <= steps; k++) {
      const t = k / steps;
      const tp = before ? before.tp + (point.tp - before.tp) * t : point.tp;
      const fp = before ? before.fp + (point.fp - before.fp) * t : point.fp;
      if (tp + fp === 0) continue;
      recall.push(before ? before.tpr + (point.tpr - before.tpr) * t : point.tpr);
      precision.push(tp / (tp + fp));
    }
  });
  return { recall, precision };
}

function prFigure(sides) {
  const lines = sides.map((side) => prOf(side.evaluation));
  const dots = sides.map(marker);
  const text = (side) => 'AP ' + withInterval(metricOf(side.evaluation, 'average_precision'));
  const data = sides[0].evaluation.data || {};
  const share = data.pos + data.neg > 0 ? data.pos / (data.pos + data.neg) : null;
  const at = [0.1, 0.25, 0.5, 0.75, 0.9, 1];
  const node = h('figure', null, h('figcaption', null, 'Precision and recall'),
    drawing('Precision and recall', sides.map((side) => `${side.name}: ${text(side)}`).join('; '), frame('recall', 'precision'),
      isNumber(share) ? s('path', { class: 'guide', d: `M${px(0)} ${py(share)}H${px(1)}` }) : null,
      sides.map((side, i) => s('path', { class: 'line ' + side.kind, d: pathOf(lines[i].recall, lines[i].precision) })), dots),
    keyOf(sides, text),
    numbersOf('precision by recall', ['Recall', ...sides.map((side) => side.name)],
      at.map((x) => [String(x), ...lines.map((line) => measure(heightAt(line.recall, line.precision, x)))])));
  return { node, move: (points) => place(dots, points, (p) => [p.tpr, p.precision]) };
}

function calibrationFigure(sides) {
  const drawn = sides.filter((side) => side.evaluation.curves.calibration);
  if (drawn.length === 0) return null;
  const text = (side) => 'ECE ' + withInterval(metricOf(side.evaluation, 'ece'));
  const rows = drawn.flatMap((side) => {
    const c = side.evaluation.curves.calibration;
    return c.mean_p.map((p, i) => [`${side.name} ${i + 1}`, measure(p), measure(c.frac_pos[i]), short(c.count[i])]);
  });
  return h('figure', null, h('figcaption', null, 'Calibration'),
    drawing('Calibration', drawn.map((side) => `${side.name}: ${text(side)}`).join('; '), frame('mean probability of a bin', 'share of positives in it'),
      s('path', { class: 'guide', d: `M${px(0)} ${py(0)}L${px(1)} ${py(1)}` }),
      drawn.map((side) => {
        const c = side.evaluation.curves.calibration;
        return [s('path', { class: 'line ' + side.kind, d: pathOf(c.mean_p, c.frac_pos) }),
          c.mean_p.map((p, i) => (isNumber(p) && isNumber(c.frac_pos[i]) ? s('circle', { class: 'dot line ' + side.kind, r: 3.5, cx: px(p), cy: py(c.frac_pos[i]) }) : null))];
      })),
    keyOf(drawn, text),
    numbersOf('calibration', ['Bin', 'Mean probability', 'Share of positives', 'Rows'], rows));
}
