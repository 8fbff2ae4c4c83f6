// SPDX-License-Identifier: MIT
// Calls that change what is served. Each is asked about first; what came of it is said in the model's
// page. They go to this page's own origin, which the server tells from others.

const ACTIONS = {
  rollback: {
    label: 'Roll back',
    title: (m) => `Roll ${m} back?`,
    text: 'The version before the present one answers again, at once. The present one is held until its file changes.',
    button: 'Roll back',
    danger: true,
  },
  load: {
    label: 'Load again',
    title: (m) => `Load ${m} again?`,
    text: 'The file is read and checked now, also if it was refused, held or unloaded before.',
    button: 'Load',
  },
  unload: {
    label: 'Unload',
    title: (m) => `Unload ${m}?`,
    text: 'Requests for the model are refused from then on, until its file changes or it is loaded again.',
    button: 'Unload',
    danger: true,
  },
  promote: {
    label: 'Serve it all the same',
    title: (m) => `Serve the refused version of ${m}?`,
    text: 'Its gate has refused it. It answers requests from then on; the reason that you give is logged and kept with the verdict.',
    button: 'Serve it',
    danger: true,
    reason: true,
  },
};

/** Shows the dialog; resolves to null, or to {reason}. */
function confirmAction(action, model) {
  const dialog = document.getElementById('dialog');
  const reason = action.reason ? h('textarea', { id: 'reason', rows: 3, required: true, 'aria-describedby': 'reason-problem' }) : null;
  const problem = h('p', { class: 'bad', id: 'reason-problem', role: 'alert' });
  return new Promise((resolve) => {
    let result = null;
    const end = (value) => {
      result = value;
      dialog.close();
    };
    const accept = () => {
      if (reason && reason.value.trim() === '') {
        setText(problem, 'Give a reason.');
        reason.focus();
        return;
      }
      end({ reason: reason ? reason.value.trim() : '' });
    };
    dialog.replaceChildren(
      h('h2', { id: 'dialog-title' }, action.title(model)),
      h('p', null, action.text),
      reason ? h('div', null, h('label', { for: 'reason' }, 'Reason'), reason, problem) : null,
      h('div', { class: 'buttons' },
        h('button', { type: 'button', class: action.danger ? 'danger' : 'main', id: 'dialog-accept', onclick: accept }, action.button),
        h('button', { type: 'button', onclick: () => end(null) }, 'Cancel')));
    dialog.addEventListener('close', () => resolve(result), { once: true });
    dialog.showModal();
    (reason || dialog.querySelector('button:last-of-type')).focus();
  });
}

/** Does an action of ACTIONS on a model. say(text, isBad) tells what came of it. */
async function act(kind, model, say, done) {
  const action = ACTIONS[kind];
  const given = await confirmAction(action, model);
  if (!given) return;
  const begun = performance.now();
  say(action.label + ' …', false);
  try {
    const options = { method: 'POST', timeout: 120000 };
    if (action.reason) {
      options.body = JSON.stringify({ reason: given.reason });
      options.headers = { 'Content-Type': 'application/json' };
    }
    const answer = await ask(`/weir/v1/models/${encodeURIComponent(model)}/${kind}`, options);
    if (answer.ok) say(`${action.label}: done in ${seconds((performance.now() - begun) / 1000)}.`, false);
    else say(`${action.label}: ${(answer.body && answer.body.error) || answer.status}`, true);
  } catch (e) {
    say(`${action.label}: ${e.message}`, true);
  }
  done();
  pollNow();
}

function actionButton(kind, model, say, done) {
  const action = ACTIONS[kind];
  return h('button', { type: 'button', class: action.danger ? 'danger' : null, 'data-action': kind, onclick: () => act(kind, model, say, done) }, action.label);
}
