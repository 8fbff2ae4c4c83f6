// SPDX-License-Identifier: MIT
// Live quality: what labels that came later say of the predictions, by version and window.

/** Whatever the document holds: numbers in a list, lists of objects as tables, objects as parts. */
function documentPart(value, depth = 0) {
  const entries = Object.entries(value).filter(([, v]) => v !== null && v !== undefined);
  const simple = entries.filter(([, v]) => typeof v !== 'object');
  const parts = [];
  const text = (v) => (isNumber(v) ? (Number.isInteger(v) ? String(v) : measure(v)) : String(v));
  if (simple.length > 0) parts.push(table('Numbers', ['Name', 'Value'], simple.map(([k, v]) => [k, text(v)])));
  for (const [k, v] of entries) {
    if (typeof v !== 'object') continue;
    const rows = Array.isArray(v) ? v : null;
    if (rows && rows.length === 0) continue;
    parts.push(h(depth === 0 ? 'h3' : 'h4', null, k));
    if (rows && rows.every((row) => row && typeof row === 'object' && !Array.isArray(row))) {
      const columns = [...new Set(rows.flatMap((row) => Object.keys(row).filter((c) => row[c] === null || typeof row[c] !== 'object')))];
      parts.push(table(k, columns, rows.map((row) => columns.map((c) => (row[c] === undefined || row[c] === null ? NONE : text(row[c]))))));
    } else if (rows) {
      parts.push(h('p', { class: 'small mono' }, JSON.stringify(rows)));
    } else if (depth < 3) {
      parts.push(...documentPart(v, depth + 1));
    }
  }
  return parts;
}

function qualityPart(got) {
  if (got.status === 404) return [h('p', { class: 'faint' }, 'Live quality is not measured: recording is off, or this model is not recorded.')];
  if (!got.ok) return [h('p', { class: 'notice bad' }, (got.body && got.body.error) || 'It could not be read: ' + got.status)];
  return documentPart(got.body);
}
