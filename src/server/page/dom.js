// SPDX-License-Identifier: MIT
// Building and changing the document, and writing numbers. Texts only ever become text nodes.

const SVG = 'http://www.w3.org/2000/svg';

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) node.append(child);
  }
  return node;
}

/** Makes an element: h('p', {class: 'faint', onclick: f}, 'text', otherElement). */
function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
function s(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** Changes a node's text only where it differs: selections and screen readers stay where they are. */
function setText(node, text) {
  const value = String(text);
  if (node.textContent !== value) node.textContent = value;
}

/** Makes `parent` hold one child for each item, in order; children of keys that stay are kept.
 * make(item) gives a new child, update(child, item) brings one up to date. */
function syncList(parent, items, keyOf, make, update) {
  const known = new Map();
  for (const child of parent.children) known.set(child.dataset.key, child);
  let at = parent.firstElementChild;
  for (const item of items) {
    const key = String(keyOf(item));
    let child = known.get(key);
    known.delete(key);
    if (!child) {
      child = make(item);
      child.dataset.key = key;
    }
    if (update) update(child, item);
    if (child === at) at = at.nextElementSibling;
    else parent.insertBefore(child, at);
  }
  for (const child of known.values()) child.remove();
}

/** A table: head is a list of texts or {text, num}; rows are lists of cells. The first cell of a row is
 * its header. */
function table(caption, head, rows, attributes) {
  const columns = head.map((c) => (typeof c === 'string' ? { text: c } : c));
  const cell = (value, i) => h(i === 0 ? 'th' : 'td',
    { scope: i === 0 ? 'row' : null, class: columns[i] && columns[i].num ? 'num' : columns[i] && columns[i].class }, value);
  return h('div', { class: 'scroll', tabindex: '0', role: 'group', 'aria-label': caption },
    h('table', attributes,
      h('caption', null, caption),
      h('thead', null, h('tr', null, columns.map((c) => h('th', { scope: 'col', class: c.num ? 'num' : null }, c.text)))),
      h('tbody', null, rows.map((row) => h('tr', null, row.map(cell))))));
}

/** Replaces an element's children, unless they would read the same and it has no focus to lose. */
function replace(parent, ...children) {
  if (parent.contains(document.activeElement) && parent !== document.activeElement) {
    const next = h('div', null, children);
    if (next.textContent === parent.textContent) return;
  }
  parent.replaceChildren(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
}

// --- numbers ---

const NONE = '–';

function isNumber(v) {
  return typeof v === 'number' && Number.isFinite(v);
}

/** Three significant digits, with k and M above 10,000. */
function short(v) {
  if (!isNumber(v)) return NONE;
  const a = Math.abs(v);
  if (a >= 1e9) return (v / 1e9).toPrecision(3) + ' G';
  if (a >= 1e6) return (v / 1e6).toPrecision(3) + ' M';
  if (a >= 1e4) return (v / 1e3).toPrecision(3) + ' k';
  if (a >= 100 || Number.isInteger(v)) return String(Math.round(v));
  return a >= 0.001 || a === 0 ? String(Number(v.toPrecision(3))) : v.toExponential(1);
}

function seconds(v) {
  if (!isNumber(v)) return NONE;
  if (v >= 1) return short(v) + ' s';
  if (v >= 0.001) return short(v * 1e3) + ' ms';
  return short(v * 1e6) + ' µs';
}

function percent(v) {
  return isNumber(v) ? short(v * 100) + ' %' : NONE;
}

function bytes(v) {
  if (!isNumber(v)) return NONE;
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let i = 0;
  for (; v >= 1024 && i + 1 < units.length; i++) v /= 1024;
  return short(v) + ' ' + units[i];
}

/** A measure: four decimals. */
function measure(v) {
  if (!isNumber(v)) return NONE;
  return Math.abs(v) >= 1000 || (v !== 0 && Math.abs(v) < 1e-3) ? v.toExponential(3) : v.toFixed(4);
}

function signed(v) {
  return isNumber(v) && v > 0 ? '+' + measure(v) : measure(v).replace('-', '−');
}

function interval(ci) {
  return Array.isArray(ci) && ci.length === 2 && isNumber(ci[0]) && isNumber(ci[1]) ? '[' + measure(ci[0]) + ', ' + measure(ci[1]) + ']' : '';
}

function clock(date) {
  return date.toLocaleTimeString('en-GB', { hour12: false });
}

/** A time of the server's as the reader's own, with the day where it is another one. */
function when(text) {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return text;
  const today = date.toDateString() === new Date().toDateString();
  return (today ? '' : date.toLocaleDateString('en-CA') + ' ') + clock(date);
}

function timeNode(text) {
  return h('time', { datetime: text, title: text }, when(text));
}

function plural(n, one, many) {
  return n + ' ' + (n === 1 ? one : many || one + 's');
}

/** As table, in a holder that may have it already: then only the texts that differ change. Cells are
 * texts or elements; elements of a cell are replaced when they read differently. */
function showTable(holder, caption, head, rows, attributes) {
  const next = table(caption, head, rows, attributes);
  const old = holder.firstElementChild;
  const oldCells = old ? old.querySelectorAll('th, td') : [];
  const cells = next.querySelectorAll('th, td');
  if (!old || oldCells.length !== cells.length || old.querySelectorAll('tr').length !== next.querySelectorAll('tr').length) {
    holder.replaceChildren(next);
    return;
  }
  cells.forEach((cell, i) => {
    if (cell.textContent === oldCells[i].textContent) return;
    oldCells[i].replaceChildren(...cell.childNodes);
  });
}
