// The build without ES5 output: 1.4 KB gzip instead of 2.3.
import { Workbox } from 'workbox-window/build/workbox-window.prod.mjs';
import { posted } from '../protocol/bridge-message.ts';
import { TabseedError } from './errors.ts';
import type { WorkerScript } from './worker-script.ts';

/**
 * Registers the worker, unless someone else's owns the scope, and resolves when it controls this page.
 *
 * Registers as soon as the document is parsed instead of after `load`: what the page needs first has been requested by
 * then, and files that it fetches later shall come through the worker already at the first visit.
 *
 * @throws TabseedError `scope-taken`, `registration-failed`, `uncontrolled`
 */
export async function registerWorker(container: ServiceWorkerContainer, script: WorkerScript): Promise<void> {
  if (script.isApps) {
    await untilAppsWorkerControls(container, script);
    return;
  }
  const known = await ownRegistration(container, script);
  const wasActive = known?.active?.state === 'activated';
  // Where it controls the page: keeps the registration's options as they should be; costs no request while they are.
  const registration = await register(script);
  if (isController(container, script)) return;
  const arriving = registration.installing ?? registration.waiting;
  if (!arriving && wasActive && isReload()) {
    throw new TabseedError('uncontrolled', 'this page was loaded past the worker; the next plain load has it');
  }
  await untilControlled(container, script, arriving ?? (await revive(registration)));
}

/** Whether the page's requests go through our worker now. */
export function isController(container: ServiceWorkerContainer, script: WorkerScript): boolean {
  return container.controller?.scriptURL === script.url;
}

/** @throws TabseedError `scope-taken` */
async function ownRegistration(
  container: ServiceWorkerContainer,
  script: WorkerScript,
): Promise<ServiceWorkerRegistration | undefined> {
  const registration = await container.getRegistration(script.scope);
  // A registration of a wider scope is found too; ours may live beside it, the narrower one wins.
  if (registration?.scope !== script.scope) return undefined;
  const owner = registration.active ?? registration.waiting ?? registration.installing;
  if (owner && owner.scriptURL !== script.url) {
    throw new TabseedError(
      'scope-taken',
      `${owner.scriptURL} is the worker of ${script.scope}; ours is not registered`,
    );
  }
  return registration;
}

/** Shift-reload is one: nothing else takes a page past a worker that was active before it. */
function isReload(): boolean {
  const [load] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[];
  return load?.type === 'reload';
}

/**
 * After a retirement Chromium hands out the registration of before as long as a page of it is open, with a worker that
 * will take over nobody. Looks for a newer script, and asks the worker of an equal one to take over. Where another tab
 * did the same, or has just installed the worker, that changes nothing.
 */
async function revive(registration: ServiceWorkerRegistration): Promise<ServiceWorker | null> {
  // Without a network the worker that is there is asked.
  await registration.update().catch(() => undefined);
  const arriving = registration.installing ?? registration.waiting;
  if (!arriving) registration.active?.postMessage(posted({ type: 'claim' }));
  return arriving;
}

async function untilAppsWorkerControls(container: ServiceWorkerContainer, script: WorkerScript): Promise<void> {
  const { active } = await container.ready;
  if (active?.scriptURL !== script.url) {
    throw new TabseedError('scope-taken', `${active?.scriptURL ?? 'nothing'} is the worker here, not ${script.url}`);
  }
  // It may claim the page until then.
  while (active.state === 'activating') {
    await new Promise((resolve) => active.addEventListener('statechange', resolve, { once: true }));
  }
  if (isController(container, script)) return;
  throw new TabseedError('uncontrolled', 'the app has registered its worker; the next load of the page has it');
}

async function register(script: WorkerScript): Promise<ServiceWorkerRegistration> {
  try {
    const workbox = new Workbox(trustedScript(script.url), { scope: script.scope, updateViaCache: 'none' });
    const registration = await workbox.register({ immediate: true });
    if (!registration) throw new Error('no registration');
    return registration;
  } catch (cause) {
    throw new TabseedError('registration-failed', `${script.url} could not be registered`, { cause });
  }
}

/** A worker that takes over waits 10 s at most for its first release. */
const TAKE_OVER_LIMIT_MS = 15_000;

function untilControlled(
  container: ServiceWorkerContainer,
  script: WorkerScript,
  arriving: ServiceWorker | null,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const ended = new AbortController();
    const { signal } = ended;
    const check = (): void => {
      if (isController(container, script)) resolve();
      else if (arriving?.state === 'redundant') {
        reject(new TabseedError('registration-failed', `${script.url} was not installed`));
      } else {
        // It is there, and may have taken over before this page was one of its own.
        if (arriving?.state === 'activated') {
          arriving.postMessage(posted({ type: 'claim' }));
          giveUpLater();
        }
        return;
      }
      ended.abort();
    };
    const giveUpLater = (): void => {
      setTimeout(() => {
        ended.abort();
        reject(new TabseedError('uncontrolled', 'the worker did not take over; the next plain load has it'));
      }, TAKE_OVER_LIMIT_MS);
    };
    if (!arriving) giveUpLater();
    container.addEventListener('controllerchange', check, { signal });
    arriving?.addEventListener('statechange', check, { signal });
    check();
  });
}

interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): string };
}

/** Where CSP asks for Trusted Types, a URL must come out of a policy; pages that list names allow `tabseed`. */
function trustedScript(url: string): string {
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
  try {
    return trustedTypes?.createPolicy('tabseed', { createScriptURL: (own) => own }).createScriptURL(url) ?? url;
  } catch {
    // The page's CSP does not allow a policy of this name. Without enforcement the plain string does as well.
    return url;
  }
}
