// SPDX-License-Identifier: MIT
// A form made from a model's signature (v2 metadata), which predicts by the route that clients use.

const FIELDS_MAX = 120;
const INTEGERS = ['INT8', 'INT16', 'INT32', 'INT64', 'UINT8', 'UINT16', 'UINT32', 'UINT64'];

/** One number or text as JSON has it; an empty field is a missing value. Throws what is wrong. */
function readCell(text, datatype, name) {
  const value = text.trim();
  if (datatype === 'BYTES') return text;
  if (value === '' || /^nan$/i.test(value)) return null;
  if (datatype === 'BOOL') {
    if (/^(true|1)$/i.test(value)) return true;
    if (/^(false|0)$/i.test(value)) return false;
    throw new Error(`${name}: expected true or false`);
  }
  const number = Number(value.replace(',', '.'));
  if (Number.isNaN(number)) throw new Error(`${name}: ${value} is not a number`);
  if (INTEGERS.includes(datatype) && !Number.isInteger(number)) throw new Error(`${name}: ${value} is not a whole number`);
  return number;
}

function shapeOf(value) {
  const shape = [];
  for (let v = value; Array.isArray(v); v = v[0]) shape.push(v.length);
  return shape;
}

/** Whether an input is one row of a table: a number, or its batch and at most one more dimension. */
function isRow({ shape }) {
  return shape.length === 0 || (shape.length <= 2 && (shape[0] < 0 || shape[0] === 1));
}

function widthOf(input) {
  return input.shape.length < 2 ? 1 : input.shape[1];
}

let n_fields = 0;

function oneField(label, datatype, value) {
  const id = 'field-' + ++n_fields;
  const isText = datatype === 'BYTES';
  const field = h('input', { id, type: 'text', inputmode: isText ? null : 'decimal', autocomplete: 'off', spellcheck: 'false', value });
  return { field, node: h('div', null, h('label', { for: id }, label, ' ', h('span', { class: 'type' }, datatype)), field) };
}

function areaField(label, value, rows) {
  const id = 'field-' + ++n_fields;
  const field = h('textarea', { id, rows, spellcheck: 'false' });
  field.value = value;
  return { field, node: h('div', null, h('label', { for: id }, label), field) };
}

/** The fields of an input; read() gives what the request says of it. */
function partOf(input, names) {
  const width = widthOf(input);
  if (!isRow(input)) {
    const dims = input.shape.map((d) => (d < 0 ? 1 : d));
    const zeros = dims.reduceRight((value, d) => Array.from({ length: d }, () => structuredClone(value)), input.datatype === 'BYTES' ? '' : 0);
    const area = areaField(`${input.name}: ${input.datatype} ${JSON.stringify(input.shape)}, as nested lists`, JSON.stringify(zeros), 4);
    return {
      nodes: [area.node],
      read: () => {
        let value;
        try {
          value = JSON.parse(area.field.value);
        } catch (e) {
          throw new Error(`${input.name}: ${e.message}`);
        }
        return { name: input.name, shape: shapeOf(value), datatype: input.datatype, data: value.flat(Infinity) };
      },
    };
  }
  const shape = [[], [1], [1, width]][input.shape.length];
  if (width < 0 || width > FIELDS_MAX) {
    const area = areaField(`${input.name}: ${width < 0 ? 'any number of' : width} values, separated by commas`, width < 0 ? '0' : Array(width).fill('0').join(', '), 5);
    return {
      nodes: [area.node],
      read: () => {
        const cells = area.field.value.split(/[,;\s]+/).filter((t) => t !== '').map((t, i) => readCell(t, input.datatype, `value ${i + 1}`));
        if (width >= 0 && cells.length !== width) throw new Error(`${input.name}: expected ${width} values, there are ${cells.length}`);
        return { name: input.name, shape: [1, cells.length], datatype: input.datatype, data: cells };
      },
    };
  }
  const labels = Array.from({ length: width }, (_, i) => (names && names.length === width ? names[i] : width === 1 ? input.name : `column ${i + 1}`));
  const fields = labels.map((label) => oneField(label, input.datatype, input.datatype === 'BYTES' ? '' : '0'));
  return {
    nodes: fields.map((f) => f.node),
    read: () => ({ name: input.name, shape, datatype: input.datatype, data: fields.map((f, i) => readCell(f.field.value, input.datatype, labels[i])) }),
  };
}

// --- the answer ---

function outputTable(output, classes) {
  const { data, shape } = output;
  const width = shape.length > 1 ? shape[shape.length - 1] : 1;
  const text = (v) => (v === null ? 'NaN' : typeof v === 'string' ? v : String(v));
  if (data.length === 1) return h('p', null, h('strong', null, output.name), ': ', h('span', { class: 'mono', 'data-output': output.name }, text(data[0])));
  const head = output.name === 'predict_proba' && classes && classes.length === width && !Array.isArray(classes[0]) ? classes.map(String) : null;
  const rows = data.slice(0, 200).map((v, i) => [head ? head[i % width] : String(i + 1), text(v)]);
  const node = table(`${output.name}, ${output.datatype} ${JSON.stringify(shape)}${data.length > 200 ? ', the first 200 of ' + data.length : ''}`,
    [head ? 'Class' : 'Number', { text: 'Value', num: true }], rows, { 'data-output': output.name });
  return data.length > 20 ? h('details', null, h('summary', null, output.name), node) : node;
}

function timings(text) {
  const parts = (text || '').split(',').map((part) => /^\s*([\w-]+).*?dur=([\d.]+)/.exec(part)).filter(Boolean);
  return parts.map((m) => `${m[1]} ${seconds(Number(m[2]) / 1000)}`).join(', ');
}

function quoted(text) {
  return "'" + text.replaceAll("'", "'\\''") + "'";
}

/** The part of a model's page that predicts. meta: the answer of /v2/models/NAME. */
function formPart(name, meta) {
  const parameters = meta.parameters || {};
  const path = '/v2/models/' + encodeURIComponent(name) + '/infer';
  const parts = meta.inputs.map((input) => partOf(input, parameters.feature_names));
  const outputs = meta.outputs.map((o) => o.name).filter((o) => o !== 'leaf');
  const answer = h('div', { role: 'status' });
  const send = h('button', { type: 'submit', class: 'main' }, 'Predict');
  const problem = (text) => answer.replaceChildren(h('p', { class: 'notice bad' }, text));

  async function predict() {
    let inputs;
    try {
      inputs = parts.map((part) => part.read());
    } catch (e) {
      return problem(e.message);
    }
    const body = JSON.stringify({ inputs, outputs: outputs.map((o) => ({ name: o })) });
    send.disabled = true;
    const begun = performance.now();
    try {
      const got = await ask(path, { method: 'POST', body, headers: { 'Content-Type': 'application/json', 'Server-Timing': '1' }, timeout: 60000 });
      const took = (performance.now() - begun) / 1000;
      if (!got.ok) return problem(`${got.status}: ${(got.body && got.body.error) || got.text}`);
      const inside = timings(got.headers.get('Server-Timing'));
      answer.replaceChildren(h('div', { class: 'answer', id: 'answer' },
        got.body.outputs.map((output) => outputTable(output, parameters.classes)),
        h('p', { class: 'small faint' }, `Version ${got.headers.get('Weir-Version') || got.body.model_version || ''} answered in ${seconds(took)}${inside ? ' (' + inside + ')' : ''}.`),
        h('details', null, h('summary', null, 'The same with curl'), h('pre', { tabindex: '0' }, `curl -s ${location.origin}${path} -d ${quoted(body)}`))));
    } catch (e) {
      problem(e.message);
    } finally {
      send.disabled = false;
      if (document.activeElement === document.body) send.focus();
    }
  }

  return h('form', { id: 'predict', onsubmit: (event) => {
    event.preventDefault();
    predict();
  } }, h('div', { class: 'fields' }, parts.map((part) => part.nodes)),
  h('p', { class: 'small faint' }, 'An empty number is a missing value.'),
  h('div', { class: 'buttons' }, send), answer);
}

/** What a model takes and gives, as two tables. */
function signaturePart(meta) {
  const parameters = meta.parameters || {};
  const row = (t) => [t.name, t.datatype, JSON.stringify(t.shape)];
  const classes = parameters.classes;
  const names = parameters.feature_names;
  const list = (values) => values.flat(Infinity).map(String).join(', ');
  return h('div', null,
    h('p', null, [parameters.estimator, [parameters.library, parameters.library_version].filter(Boolean).join(' ')].filter(Boolean).join(', ') || meta.platform),
    table('Takes', ['Input', 'Type', 'Shape'], meta.inputs.map(row)),
    names && names.length > 0 ? h('details', null, h('summary', null, plural(names.length, 'column')), h('p', { class: 'small' }, list(names))) : null,
    table('Gives', ['Output', 'Type', 'Shape'], meta.outputs.map(row)),
    classes && classes.length > 0 ? h('p', { class: 'small' }, 'Classes: ' + list(classes)) : null);
}
