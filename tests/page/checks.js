// SPDX-License-Identifier: MIT
// What can be seen of a page's accessibility from inside: a list of problems. Names are asked of the browser
// itself by the test (its accessibility tree).
const problems = [];
const isShown = (e) => e.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true }) && e.getClientRects().length > 0;

// --- structure ---
const headings = [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].filter(isShown);
if (headings.filter((e) => e.tagName === 'H1').length !== 1) problems.push('there is not one h1');
let level = 0;
for (const e of headings) {
  const n = Number(e.tagName[1]);
  if (n > level + 1) problems.push(`heading "${e.textContent}" is h${n} after h${level}`);
  if (e.textContent.trim() === '') problems.push('an empty heading');
  level = n;
}
for (const selector of ['header', 'nav', 'main']) {
  if (document.querySelectorAll(selector).length !== 1) problems.push(`not one <${selector}>`);
}
if (!document.documentElement.lang) problems.push('no language');
if (!document.title) problems.push('no title');
const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
new Set(ids).size === ids.length || problems.push('an id is there twice: ' + ids.filter((id, i) => ids.indexOf(id) !== i));
for (const name of ['aria-labelledby', 'aria-describedby', 'for']) {
  for (const e of document.querySelectorAll(`[${name}]`)) {
    for (const id of e.getAttribute(name).split(/\s+/)) {
      if (!document.getElementById(id) && e.id !== 'dialog') problems.push(`${e.tagName} ${name}=${id}: nothing has this id`);
    }
  }
}
for (const t of document.querySelectorAll('table')) {
  if (!t.caption || t.caption.textContent.trim() === '') problems.push('a table without a caption');
  for (const th of t.querySelectorAll('th')) if (!th.scope) problems.push(`th "${th.textContent}" without a scope`);
}
for (const e of document.querySelectorAll('[tabindex]')) if (e.tabIndex > 0) problems.push('a positive tabindex');
for (const e of document.querySelectorAll('.scroll')) {
  if (!e.getAttribute('aria-label')) problems.push('a part that scrolls has no name');
  if (isShown(e) && e.scrollWidth > e.clientWidth && e.tabIndex < 0) problems.push('a part that scrolls cannot be reached by the keyboard');
}
for (const svg of document.querySelectorAll('svg')) {
  if (svg.getAttribute('aria-hidden') !== 'true' && !(svg.getAttribute('role') === 'img' && svg.querySelector('title'))) problems.push('an svg without a name');
}

// --- contrast (WCAG 2.2, 1.4.3 and 1.4.11) ---
const parse = (text) => {
  const m = /rgba?\(([^)]*)\)/.exec(text);
  const p = m ? m[1].split(/[,/ ]+/).filter(Boolean).map(Number) : [0, 0, 0, 0];
  return { r: p[0], g: p[1], b: p[2], a: p.length > 3 ? p[3] : 1 };
};
const over = (top, below) => ({
  r: top.r * top.a + below.r * (1 - top.a), g: top.g * top.a + below.g * (1 - top.a), b: top.b * top.a + below.b * (1 - top.a), a: 1,
});
const backOf = (e) => {
  const layers = [];
  for (let n = e; n; n = n.parentElement) {
    const c = parse(getComputedStyle(n).backgroundColor);
    if (c.a > 0) layers.push(c);
    if (c.a === 1) break;
  }
  const canvas = matchMedia('(prefers-color-scheme: dark)').matches ? { r: 18, g: 18, b: 18, a: 1 } : { r: 255, g: 255, b: 255, a: 1 };
  return layers.reverse().reduce((below, top) => over(top, below), canvas);
};
const luminance = (c) => {
  const part = (v) => ((v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * part(c.r) + 0.7152 * part(c.g) + 0.0722 * part(c.b);
};
const contrast = (a, b) => {
  const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p);
  return (x + 0.05) / (y + 0.05);
};
let checked = 0;
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node; (node = walker.nextNode());) {
  const e = node.parentElement;
  if (node.textContent.trim() === '' || !isShown(e) || ['SCRIPT', 'STYLE', 'OPTION', 'TITLE', 'DESC'].includes(e.tagName.toUpperCase())) continue;
  if (e.closest(':disabled')) continue;
  const style = getComputedStyle(e);
  const isSvg = e instanceof SVGElement;
  const back = backOf(e);
  const ratio = contrast(over(parse(isSvg ? style.fill : style.color), back), back);
  const px = parseFloat(style.fontSize);
  const isLarge = px >= 24 || (px >= 18.66 && Number(style.fontWeight) >= 700);
  checked++;
  if (ratio < (isLarge ? 3 : 4.5)) problems.push(`contrast ${ratio.toFixed(2)}: "${node.textContent.trim().slice(0, 40)}"`);
}
for (const e of document.querySelectorAll('button, input, textarea')) {
  if (!isShown(e) || ['radio', 'range'].includes(e.type) || e.disabled) continue;
  const style = getComputedStyle(e);
  const outside = backOf(e.parentElement);
  const edge = Math.max(contrast(parse(style.borderTopColor), outside), contrast(backOf(e), outside));
  if (edge < 3) problems.push(`the edge of "${e.textContent || e.id}" has contrast ${edge.toFixed(2)}`);
}
for (const e of document.querySelectorAll('svg .line')) {
  const style = getComputedStyle(e);
  const ratio = contrast(parse(style.stroke), backOf(e.closest('figure') || document.body));
  if (ratio < 3) problems.push(`a line has contrast ${ratio.toFixed(2)}`);
}
return { problems: [...new Set(problems)], checked };
