// SPDX-License-Identifier: MIT
// Which page is shown, and whether the server answers.

const shell = {
  main: document.getElementById('main'),
  status: document.getElementById('status'),
  pause: document.getElementById('pause'),
  view: null,
};

function viewOf(hash) {
  const m = /^#\/models\/(.+)$/.exec(hash);
  if (m) {
    try {
      return new ModelPage(decodeURIComponent(m[1]));
    } catch (e) {
      return new Overview();
    }
  }
  return hash === '#/events' ? new Events() : new Overview();
}

function navigate(isFirst) {
  if (shell.view) shell.view.destroy();
  shell.view = viewOf(location.hash);
  shell.main.replaceChildren(shell.view.node);
  document.title = shell.view.title + ' – weir';
  for (const [id, kind] of [['nav-models', Overview], ['nav-events', Events]]) {
    const link = document.getElementById(id);
    if (shell.view instanceof kind) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  if (!isFirst) {
    window.scrollTo(0, 0);
    shell.view.head.focus();
  }
  shell.view.update();
  setScope(shell.view.scope);
}

/** Says in a word how things stand; said aloud when it changes. */
function showStatus() {
  let text = 'Live';
  if (live.isPaused) text = 'Paused';
  else if (live.error) text = 'No answer: ' + live.error;
  else if (!live.models) text = 'Connecting';
  else if (!live.models.ready) text = 'Live, not ready';
  shell.status.classList.toggle('is-bad', Boolean(live.error) && !live.isPaused);
  setText(shell.status, text);
}

function togglePause() {
  live.isPaused = !live.isPaused;
  shell.pause.setAttribute('aria-pressed', String(live.isPaused));
  if (live.isPaused) clearTimeout(live.timer);
  else pollNow();
  showStatus();
}

live.listeners.add(() => {
  showStatus();
  shell.view.update();
});
shell.pause.addEventListener('click', togglePause);
document.getElementById('skip').addEventListener('click', (event) => {
  event.preventDefault();
  shell.main.focus();
});
window.addEventListener('hashchange', () => navigate(false));
document.addEventListener('visibilitychange', () => {
  if (document.hidden) clearTimeout(live.timer);
  else if (!live.isPaused) pollNow();
});
navigate(true);
