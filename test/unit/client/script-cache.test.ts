import { describe, expect, it } from 'vitest';
import { keepScripts } from '../../../src/client/script-cache.ts';

const SCOPE = 'https://app.example/';
const CLIENT = `${SCOPE}tabseed/client.js`;
const ENGINE_1 = `${SCOPE}tabseed/engine-1.js`;
const ENGINE_2 = `${SCOPE}tabseed/engine-2.js`;
const PEER = `${SCOPE}tabseed/peer-1.js`;

function urlOf(key: RequestInfo | URL): string {
  return key instanceof Request ? key.url : String(key);
}

/** A browser whose page has loaded files of which the origin has these. */
function setUp() {
  const entries = new Map<string, Response>([[`${SCOPE}app.js`, new Response('start file')]]);
  const origin = new Map([
    [CLIENT, 'client 1'],
    [ENGINE_1, 'engine'],
    [PEER, 'peer'],
  ]);
  const fetched: string[] = [];
  const cache: Pick<Cache, 'match' | 'put' | 'delete' | 'keys'> = {
    match: (key) => Promise.resolve(entries.get(urlOf(key))?.clone()),
    put: (key, response) => {
      entries.set(urlOf(key), response);
      return Promise.resolve();
    },
    delete: (key) => Promise.resolve(entries.delete(urlOf(key))),
    keys: () => Promise.resolve([...entries.keys()].map((url) => new Request(url))),
  };
  const ports = {
    name: 'tabseed app',
    scope: SCOPE,
    caches: { open: () => Promise.resolve(cache as Cache) },
    fetch: (url: string) => {
      fetched.push(url);
      return Promise.resolve(new Response(origin.get(url) ?? null, { status: origin.has(url) ? 200 : 503 }));
    },
  };
  const keep = (loaded: string[], signal = new AbortController().signal) => keepScripts(ports, loaded, signal);
  const kept = () => [...entries.keys()].filter((url) => url.startsWith(`${SCOPE}tabseed/`)).sort();
  return { entries, origin, fetched, keep, kept };
}

describe('the client scripts that are kept for when the origin is away', () => {
  it('are those that the page has loaded, and no file of the app or of another server', async () => {
    const { keep, kept, entries } = setUp();
    const others = [`${SCOPE}app.js`, `${SCOPE}tabseed/pointer.bin`, 'https://other.example/tabseed/client.js'];
    await keep([CLIENT, ENGINE_1, ...others]);
    expect(kept()).toEqual([CLIENT, ENGINE_1]);
    expect(entries.size).toBe(3);
  });

  it('are more as the page loads more, each got once but for the first one, whose name says nothing', async () => {
    const { keep, kept, fetched } = setUp();
    await keep([CLIENT, ENGINE_1]);
    await keep([CLIENT, PEER]);
    expect(kept()).toEqual([CLIENT, ENGINE_1, PEER]);
    expect(fetched).toEqual([CLIENT, ENGINE_1, CLIENT, PEER]);
  });

  it('go when another client has come, which loads others', async () => {
    const { keep, kept, origin } = setUp();
    await keep([CLIENT, ENGINE_1, PEER]);
    origin.set(CLIENT, 'client 2').set(ENGINE_2, 'engine');
    await keep([CLIENT, ENGINE_2]);
    expect(kept()).toEqual([CLIENT, ENGINE_2]);
  });

  it('stay as they are while the origin does not give them', async () => {
    const { keep, kept, origin, entries } = setUp();
    await keep([CLIENT, ENGINE_1]);
    origin.clear();
    await keep([CLIENT, ENGINE_1]);
    expect(kept()).toEqual([CLIENT, ENGINE_1]);
    expect(await entries.get(CLIENT)?.text()).toBe('client 1');
  });

  it('are none where the app has the client in a bundle of its own, or this tab leads no more', async () => {
    const { keep, kept } = setUp();
    await keep([ENGINE_1]);
    await expect(keep([CLIENT], AbortSignal.abort())).rejects.toThrow();
    expect(kept()).toEqual([]);
  });
});
