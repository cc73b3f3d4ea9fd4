import { loneTab, openTab, type Scene, type Theatre, tabAmongPeers, until } from './scene.ts';

const PEERS = 2;
/** What a peer far away, behind a full line, needs before it begins to answer. */
const SLOW_ANSWER_MS = 400;
/** Tasks of the busy leader and the pauses between them, as of a page that renders something large. */
const BUSY = { taskMs: 200, pauseMs: 100 };
/** Requests while a leader hangs, before the next one does. */
const REQUESTS_PER_HANG = 20;
/** Longer than so many requests by both sides take. */
const HANG_MS = 4000;

export interface Situation {
  readonly name: string;
  open(theatre: Theatre): Promise<Scene>;
}

/** What can be wrong between a page and the bytes it waits for. */
export const SITUATIONS: readonly Situation[] = [
  {
    name: 'noPeers',
    open: async ({ browser, url }) => loneTab(await browser.newContext(), url),
  },
  {
    name: 'deadSignaling',
    open: async ({ browser, unsignaledUrl }) => loneTab(await browser.newContext(), unsignaledUrl),
  },
  {
    name: 'silentSignaling',
    open: async ({ browser, url }) => {
      const context = await browser.newContext();
      // Accepted, and never answered.
      await context.routeWebSocket(/signal/, () => undefined);
      return loneTab(context, url);
    },
  },
  {
    name: 'honestPeers',
    open: (theatre) =>
      tabAmongPeers(theatre, PEERS, {
        onOpen: (wire) => wire.claimEverything(),
        onRequest: (wire, request) => wire.answer(request, (honest) => honest),
      }),
  },
  {
    name: 'slowPeers',
    open: (theatre) =>
      tabAmongPeers(theatre, PEERS, {
        onOpen: (wire) => wire.claimEverything(),
        onRequest: (wire, request) => {
          setTimeout(() => {
            if (wire.isOpen) wire.answer(request, (honest) => honest);
          }, SLOW_ANSWER_MS);
        },
      }),
  },
  {
    name: 'lyingPeers',
    open: (theatre) =>
      tabAmongPeers(theatre, PEERS, {
        onOpen: (wire) => wire.claimEverything(),
        onRequest: (wire, request) =>
          wire.answer(request, ({ encoding, bytes }) => ({ encoding, bytes: bytes.map((byte) => byte ^ 1) })),
      }),
  },
  {
    name: 'stalledPeers',
    open: (theatre) => tabAmongPeers(theatre, PEERS, { onOpen: (wire) => wire.claimEverything() }),
  },
  { name: 'busyLeader', open: busyLeader },
  { name: 'hungLeader', open: hungLeader },
];

async function busyLeader({ browser, url }: Theatre): Promise<Scene> {
  const context = await browser.newContext();
  const leader = await loneTab(context, url);
  const page = await openTab(context, url);
  await leader.page.evaluate(({ taskMs, pauseMs }) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      for (const endMs = performance.now() + taskMs; performance.now() < endMs; );
      setTimeout(() => channel.port2.postMessage(undefined), pauseMs);
    };
    channel.port2.postMessage(undefined);
  }, BUSY);
  return { page, close: () => context.close() };
}

/** The tab that asks becomes the leader after two seconds; then another browser has a leader that hangs. */
async function hungLeader(theatre: Theatre): Promise<Scene> {
  let tabs = await hang(theatre);
  let asked = 0;
  return {
    get page() {
      return tabs.page;
    },
    async refresh() {
      const isDue = asked > 0 && asked % REQUESTS_PER_HANG === 0;
      asked += 1;
      if (!isDue) return;
      await tabs.close();
      tabs = await hang(theatre);
    },
    close: () => tabs.close(),
  };
}

async function hang({ browser, url }: Theatre): Promise<Scene> {
  const context = await browser.newContext();
  const leader = await loneTab(context, url);
  const page = await openTab(context, url);
  // Later, so that this call returns.
  await leader.page.evaluate((hangMs) => {
    setTimeout(() => {
      for (const endMs = performance.now() + hangMs; performance.now() < endMs; );
    }, 0);
  }, HANG_MS);
  await until('the tab answers', () => page.evaluate(() => true));
  return { page, close: () => context.close() };
}
