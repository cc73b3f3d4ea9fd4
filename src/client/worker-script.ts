import { WORKER_SCRIPT } from '../protocol/layout.ts';
import { TabseedError } from './errors.ts';

export interface WorkerScript {
  readonly scope: string;
  readonly url: string;
  /** The app's own worker has Tabseed in it, and the app registers it: when, and how, is its matter. */
  readonly isApps: boolean;
}

/** Ours, unless the page's script tag names the app's own (`tabseed publish --worker`). */
export function workerScript(scope: URL): WorkerScript {
  const tag =
    typeof document === 'undefined' ? null : document.querySelector<HTMLElement>('script[data-tabseed-worker]');
  const own = tag?.dataset.tabseedWorker;
  return { scope: scope.href, url: new URL(own ?? WORKER_SCRIPT, scope).href, isApps: own !== undefined };
}

/** @throws TabseedError `unsupported` */
export function workerContainer(): ServiceWorkerContainer {
  // Missing in insecure contexts and in Node, where a server may import a page's modules.
  const container =
    typeof navigator === 'undefined'
      ? undefined
      : (navigator as { serviceWorker?: ServiceWorkerContainer }).serviceWorker;
  if (!container) throw new TabseedError('unsupported', 'no service workers here: they need HTTPS or localhost');
  return container;
}
