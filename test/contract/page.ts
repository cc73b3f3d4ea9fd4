import type { PeerLink } from '../../src/core/ports.ts';
import { openBrowserDatabase } from '../../src/platform/idb-database.ts';
import { incrementalSha256 } from '../../src/platform/incremental-digest.ts';
import { rtcDialer } from '../../src/platform/rtc-dialer.ts';
import { loadSimplePeer } from '../../src/platform/simple-peer.ts';
import { streamCodec } from '../../src/platform/stream-codec.ts';
import { subtleDigest } from '../../src/platform/subtle-digest.ts';
import { systemClock } from '../../src/platform/system-clock.ts';
import { clockContract } from './clock-contract.ts';
import { codecContract } from './codec-contract.ts';
import { connectDialers } from './connect-dialers.ts';
import type { ContractCase } from './contract.ts';
import { digestContract } from './digest-contract.ts';
import { linkContract } from './link-contract.ts';
import { storeContract } from './store-contract.ts';

/** Runs in a browser's page or worker: the contract suites on the adapters that only exist there. */

const clock = systemClock();

function find<Subject>(cases: readonly ContractCase<Subject>[], name: string): ContractCase<Subject> {
  const found = cases.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no case "${name}"`);
  return found;
}

async function deflateRaw(bytes: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([bytes.slice()]).stream().pipeThrough(new CompressionStream('deflate-raw'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function connect(): Promise<[PeerLink, PeerLink]> {
  const dialer = rtcDialer({ load: loadSimplePeer, clock });
  return connectDialers(dialer, dialer);
}

const suites = {
  clock: (name: string) =>
    find(clockContract, name).run({ clock, pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)) }),
  codec: (name: string) => find(codecContract, name).run({ codec: streamCodec(), deflateRaw }),
  digest: (name: string) => find(digestContract, name).run(subtleDigest()),
  incrementalDigest: (name: string) =>
    find(digestContract, name).run({
      sha256: async (bytes) => {
        const hash = await incrementalSha256();
        hash.update(bytes);
        return hash.digest();
      },
    }),
  link: (name: string) => find(linkContract, name).run({ connect }),
  store: async (name: string) => {
    const owner = { app: crypto.randomUUID(), scope: 'https://contract.example/' };
    const { chunks } = openBrowserDatabase(owner);
    const reopen = async () => {
      await chunks.close();
      return openBrowserDatabase(owner).chunks;
    };
    await find(storeContract, name).run({ store: chunks, reopen, endsAtClose: true });
  },
};

export type Suite = keyof typeof suites;

function runCase(suite: Suite, name: string): Promise<void> {
  return suites[suite](name);
}

/** Given to tests of what only this adapter can do. */
const tools = { runCase, openBrowserDatabase, connect };
export type PageTools = typeof tools;
Object.assign(globalThis, { tools });

if (!('document' in globalThis)) {
  globalThis.addEventListener('message', ({ data }: MessageEvent<[Suite, string]>) => {
    runCase(...data).then(
      () => globalThis.postMessage('passed'),
      (error: unknown) => globalThis.postMessage(String(error)),
    );
  });
}
