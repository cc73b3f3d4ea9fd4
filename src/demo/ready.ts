import type { Tabseed } from '../client/index.ts';

/** Longest wait for Tabseed. An app must never be late because of it: after this it loads plainly. */
const READY_DEADLINE_MS = 3000;

/** Longest wait for the first peer in a browser that is new here: introduction and connection take about half of it. */
const FIRST_PEER_DEADLINE_MS = 1500;

export interface Readiness {
  /** Missing when the client script is not in the page. */
  readonly tabseed: Tabseed | undefined;
  /** One sentence on why this page loads plainly; `undefined` when all is well. */
  readonly problem: string | undefined;
}

/** Resolves when Tabseed can deliver, cannot, or took too long. */
export async function tabseedReadiness(): Promise<Readiness> {
  await clientScriptRan();
  const { tabseed } = globalThis as { tabseed?: Tabseed };
  if (!tabseed) return { tabseed, problem: 'Tabseed is not in this page.' };
  const problem = tabseed.ready.then(
    () => undefined,
    (error: unknown) =>
      `Tabseed cannot work in this page: ${error instanceof Error ? error.message : 'unknown error'}.`,
  );
  const late = after(READY_DEADLINE_MS).then(() => 'Tabseed is late: the editor is loaded from the origin.');
  return { tabseed, problem: await Promise.race([problem, late]) };
}

/**
 * Resolves with the first peer, or after a moment without one. A page need not wait for that, and a file that is urgent
 * does not: it comes from the origin meanwhile. The demo does, because it is there to show peers.
 */
export async function firstPeer(tabseed: Tabseed): Promise<void> {
  if (tabseed.stats().peers > 0) return;
  let stop = (): void => undefined;
  const connected = new Promise<void>((resolve) => {
    stop = tabseed.on('peers', (count) => {
      if (count > 0) resolve();
    });
  });
  await Promise.race([connected, after(FIRST_PEER_DEADLINE_MS)]);
  stop();
}

/** The publisher adds the client script to the page; where in it is none of our business. */
function clientScriptRan(): Promise<void> {
  if (document.readyState === 'complete' || Object.hasOwn(globalThis, 'tabseed')) return Promise.resolve();
  return new Promise((resolve) => {
    addEventListener('load', () => resolve(), { once: true });
  });
}

function after(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}
