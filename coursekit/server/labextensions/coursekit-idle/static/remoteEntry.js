// Tells in time that the Hub is going to stop this server. JupyterLab loads extensions as containers of webpack's
// module federation; this one is written by hand, for it needs none of JupyterLab's modules and no build.
(() => {
  'use strict';
  const WARN_S = 600;
  const LOOK_MS = 20000;
  const { baseUrl } = JSON.parse(document.getElementById('jupyter-config-data').textContent);

  // Behind a Hub, what a script asks is answered only with the token of the page's cookie; without it the browser is
  // sent to log in, over and over.
  function ask(path) {
    const token = document.cookie.match(/(?:^|; )_xsrf=([^;]*)/);
    return fetch(`${baseUrl}${path}`, { redirect: 'error', headers: token ? { 'X-XSRFToken': token[1] } : {} });
  }

  function minutes(seconds) {
    return seconds < 90 ? 'a minute' : `${Math.round(seconds / 60)} minutes`;
  }

  function message({ until_idle_s: idle, until_limit_s: limit }) {
    if (limit !== null && limit < WARN_S) {
      return `This server reaches its time limit and stops in ${minutes(limit)}. Your files stay; save your notebooks.`;
    }
    if (idle !== null && idle < WARN_S) {
      return `Nothing has run here for a while: this server stops in ${minutes(idle)}. Your files stay; variables do not.`;
    }
    return null;
  }

  function activate(app) {
    let shown = null;
    app.commands.addCommand('coursekit:stay', {
      label: 'Keep this server',
      // Any question to Jupyter's interface counts as activity.
      execute: () => ask('api/kernelspecs').then(look)
    });

    async function look() {
      const answer = await ask('coursekit/idle').catch(() => null);
      if (!answer || !answer.ok) {
        return;
      }
      const text = message(await answer.json());
      const options = {
        autoClose: false,
        actions: [{ label: 'Keep this server', commandId: 'coursekit:stay', displayType: 'accent' }]
      };
      if (shown && !text) {
        app.commands.execute('apputils:dismiss-notification', { id: shown });
        shown = null;
      } else if (shown) {
        app.commands.execute('apputils:update-notification', { id: shown, message: text, type: 'warning', ...options });
      } else if (text) {
        shown = await app.commands.execute('apputils:notify', { message: text, type: 'warning', options });
      }
    }

    setInterval(look, LOOK_MS);
    app.restored.then(look);
  }

  const plugin = { id: 'coursekit-idle:warning', autoStart: true, activate };
  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB['coursekit-idle'] = {
    init: () => {},
    get: () => Promise.resolve(() => ({ __esModule: true, default: plugin }))
  };
})();
