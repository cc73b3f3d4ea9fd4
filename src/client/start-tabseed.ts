import type { Tabseed } from './api.ts';
import { isPauseScope } from './pause-switch.ts';
import { Tab } from './tab.ts';
import { workerScript } from './worker-script.ts';

/** Starts Tabseed in this page, as far as it can work here. Never throws. */
export function startTabseed(scope: URL): Tabseed {
  const tab = new Tab(workerScript(scope));
  const ready = tab.open();
  // Handled here, so that a page that never asks for `ready` sees no `unhandledrejection`.
  ready.catch((error: unknown) => tab.explain(error));
  return Object.freeze<Tabseed>({
    ready,
    stats: () => tab.stats,
    on: (event, listener) => tab.events.on(event, listener),
    prefetch: async (urls) => {
      await ready;
      await tab.request({ type: 'prefetch', urls: urls.map((url) => new URL(url, document.baseURI).href) });
    },
    checkForUpdate: async () => {
      await ready;
      await (await tab.updates()).check();
    },
    applyUpdate: async () => {
      await ready;
      return (await tab.updates()).apply();
    },
    pause: (what: unknown = 'all') => {
      if (!isPauseScope(what)) throw new TypeError(`cannot pause ${String(what)}`);
      tab.pause(what);
    },
    resume: () => tab.pause(null),
    consent: (answer) => tab.consent.answer(answer),
  });
}
