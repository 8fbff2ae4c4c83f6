// SPDX-License-Identifier: MIT
// The text format of /metrics, and what comes of two of its readings: rates, and percentiles of what
// was recorded between them.

const ESCAPES = { n: '\n', '"': '"', '\\': '\\' };

/** Cuts `name="value",…` into an object. */
function readLabels(text) {
  const labels = {};
  const pattern = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)",?/g;
  for (let m; (m = pattern.exec(text));) {
    labels[m[1]] = m[2].includes('\\') ? m[2].replace(/\\(.)/g, (all, c) => ESCAPES[c] ?? c) : m[2];
  }
  return labels;
}

function readValue(text) {
  return text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text);
}

/** A histogram: ascending bounds (the last is Infinity) and how many values are at most as large. */
class Histogram {
  constructor(bounds, counts, sum) {
    this.bounds = bounds;
    this.counts = counts;
    this.sum = sum;
  }

  get count() {
    return this.counts.length > 0 ? this.counts[this.counts.length - 1] : 0;
  }

  get mean() {
    return this.count > 0 ? this.sum / this.count : null;
  }

  /** What was recorded since `earlier`; null where that had more (its series ended meanwhile). */
  minus(earlier) {
    if (!earlier) return this;
    if (earlier.counts.length !== this.counts.length) return null;
    const counts = this.counts.map((n, i) => n - earlier.counts[i]);
    return counts.some((n) => n < 0) ? null : new Histogram(this.bounds, counts, this.sum - earlier.sum);
  }

  plus(other) {
    if (!other) return this;
    return new Histogram(this.bounds, this.counts.map((n, i) => n + other.counts[i]), this.sum + other.sum);
  }

  /** The value that the share q is at most, on a straight line inside its bucket. */
  quantile(q) {
    const rank = q * this.count;
    if (this.count === 0) return null;
    let i = this.counts.findIndex((n) => n >= rank && n > 0);
    if (i < 0) return null;
    if (this.bounds[i] === Infinity) return i > 0 ? this.bounds[i - 1] : null;
    const low = i > 0 ? this.bounds[i - 1] : 0;
    const below = i > 0 ? this.counts[i - 1] : 0;
    const inside = this.counts[i] - below;
    return low + (this.bounds[i] - low) * (inside > 0 ? (rank - below) / inside : 1);
  }
}

function addHistograms(list) {
  return list.reduce((sum, one) => (one ? (sum ? sum.plus(one) : one) : sum), null);
}

/** One reading: families by name, each a map from the labels' text to {labels, value} or
 * {labels, histogram}. */
class Reading {
  constructor(text, at) {
    this.at = at;
    this.families = new Map();
    const types = new Map();
    for (const line of text.split('\n')) {
      if (line.startsWith('# TYPE ')) {
        const [, , name, type] = line.split(' ');
        types.set(name, type);
        this.families.set(name, new Map());
      } else if (line !== '' && line[0] !== '#') {
        this.readSample(line, types);
      }
    }
    for (const [name, series] of this.families) {
      if (types.get(name) === 'histogram') this.makeHistograms(series);
    }
  }

  readSample(line, types) {
    const open = line.indexOf('{');
    const space = line.lastIndexOf(' ');
    const name = line.slice(0, open >= 0 && open < space ? open : space);
    const text = open >= 0 && open < space ? line.slice(open + 1, line.lastIndexOf('}')) : '';
    const value = readValue(line.slice(space + 1));
    const m = /^(.*)_(bucket|sum|count)$/.exec(name);
    if (m && types.get(m[1]) === 'histogram') this.addPart(this.families.get(m[1]), m[2], text, value);
    else if (this.families.has(name)) this.families.get(name).set(text, { labels: readLabels(text), value });
  }

  addPart(series, part, text, value) {
    const m = part === 'bucket' ? /^(?:(.*),)?le="([^"]*)"$/.exec(text) : null;
    const key = m ? m[1] || '' : text;
    let one = series.get(key);
    if (!one) series.set(key, (one = { labels: readLabels(key), bounds: [], counts: [], sum: 0 }));
    if (m) {
      one.bounds.push(readValue(m[2]));
      one.counts.push(value);
    } else if (part === 'sum') {
      one.sum = value;
    }
  }

  makeHistograms(series) {
    for (const [key, one] of series) {
      series.set(key, { labels: one.labels, histogram: new Histogram(one.bounds, one.counts, one.sum) });
    }
  }

  /** The series of a family whose labels are as in `wanted`. */
  all(name, wanted = {}) {
    const family = this.families.get(name);
    if (!family) return [];
    const keys = Object.keys(wanted);
    return [...family.values()].filter((one) => keys.every((k) => one.labels[k] === wanted[k]));
  }

  /** The sum of counters or gauges; null: there are none. */
  sum(name, wanted) {
    const list = this.all(name, wanted);
    return list.length > 0 ? list.reduce((sum, one) => sum + one.value, 0) : null;
  }

  histogram(name, wanted) {
    return addHistograms(this.all(name, wanted).map((one) => one.histogram));
  }

  /** How much counters grew since `earlier`, series by series: one that ended does not count. test
   * chooses by labels. */
  growth(earlier, name, test = () => true) {
    const before = earlier.families.get(name);
    const now = this.families.get(name);
    let sum = 0;
    if (!now) return 0;
    for (const [key, one] of now) {
      if (!test(one.labels)) continue;
      const old = before && before.get(key);
      sum += Math.max(0, one.value - (old ? old.value : 0));
    }
    return sum;
  }

  /** What a histogram recorded since `earlier`; null: nothing is known. */
  recorded(earlier, name, wanted = {}) {
    const before = earlier.families.get(name);
    const parts = [];
    const now = this.families.get(name);
    if (!now) return null;
    for (const [key, one] of now) {
      if (!Object.keys(wanted).every((k) => one.labels[k] === wanted[k])) continue;
      const old = before && before.get(key);
      parts.push(one.histogram.minus(old && old.histogram));
    }
    return addHistograms(parts);
  }
}
