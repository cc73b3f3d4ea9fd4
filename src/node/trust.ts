import { GONE } from '../core/absence.ts';
import { OriginError } from '../core/errors.ts';
import { readCapped } from '../platform/read-capped.ts';
import { isSha256, type Sha256 } from '../protocol/identifier.ts';
import { WORKER_SCRIPT } from '../protocol/layout.ts';
import { decodeWorkerConfig, decodeWorkerScript, type WorkerConfig } from '../protocol/worker-config.ts';
import type { DiskRecords } from './disk-records.ts';
import { NodePeerError, retired } from './errors.ts';

/** The worker script is some 60 KB; its first line, all that counts here, below 1 KB. */
const MAX_WORKER_SCRIPT_BYTES = 4 * 1024 * 1024;
const TRUST_FILE = 'trust.json';

/** What the store's folder says about earlier starts. */
interface Memory {
  readonly published: WorkerConfig;
  readonly trustedKeys: readonly Sha256[];
}

/** Whom this peer believes, and whom it meets. */
export interface Trust {
  /** Pointers are checked against these keys only. */
  readonly config: WorkerConfig;
  /** The config as browsers have it: names their room. */
  readonly published: WorkerConfig;
}

export interface TrustRequest {
  readonly base: string;
  readonly fetch: typeof fetch;
  readonly records: DiskRecords;
  /** Hex. `undefined`: trust on first use. */
  readonly publicKeys: readonly string[] | undefined;
}

/**
 * A browser gets its keys with the worker script; a headless peer that took them from the origin at each start would
 * trust whoever owns the origin today. So the keys are given, or those seen first are remembered in the store's folder.
 * During a rotation the script names the old and the new key: as long as one that is trusted is among them, it goes on.
 *
 * @throws NodePeerError `bad-public-key`, `not-published`, `not-trusted`, `development-key`, `retired`
 * @throws OriginError when the origin is away at the first start
 */
export async function establishTrust(request: TrustRequest): Promise<Trust> {
  const remembered = await readRemembered(request.records);
  const published = await readPublished(request, remembered);
  if (published.development && !isLoopback(request.base)) {
    throw new NodePeerError(
      'development-key',
      `${request.base} is signed with a development key, which counts on loopback hosts only: publish it with --key`,
    );
  }
  const trustedKeys = request.publicKeys?.map(asKey) ?? remembered?.trustedKeys ?? published.keys;
  const keys = published.keys.filter((key) => trustedKeys.includes(key));
  if (remembered !== undefined && !isSameApp(remembered.published, published)) {
    throw new NodePeerError('not-trusted', 'the store belongs to another app or channel: choose another folder');
  }
  if (keys.length === 0) {
    throw new NodePeerError(
      'not-trusted',
      `${request.base} has none of the trusted keys; if its publisher changed them, give the new one with --public-key`,
    );
  }
  const memory: Memory = { published, trustedKeys };
  await request.records.write(TRUST_FILE, `${JSON.stringify(memory, null, 2)}\n`);
  return { config: { ...published, keys }, published };
}

function isSameApp(one: WorkerConfig, other: WorkerConfig): boolean {
  return one.app === other.app && one.channel === other.channel;
}

async function readRemembered(records: DiskRecords): Promise<Memory | undefined> {
  const bytes = await records.read(TRUST_FILE);
  if (bytes === undefined) return undefined;
  try {
    const { published, trustedKeys } = JSON.parse(new TextDecoder().decode(bytes)) as Record<keyof Memory, unknown>;
    const config = decodeWorkerConfig(published);
    // The same checks as for the keys of a config.
    return { published: config, trustedKeys: decodeWorkerConfig({ ...config, keys: trustedKeys }).keys };
  } catch (cause) {
    // Never taken for a first use: that would let a damaged file replace the keys.
    throw new NodePeerError('not-trusted', `${TRUST_FILE} in the store is damaged: delete it to trust anew`, { cause });
  }
}

/** From the origin; while it is away, what it said last. */
async function readPublished({ base, fetch }: TrustRequest, remembered: Memory | undefined): Promise<WorkerConfig> {
  try {
    const { config, isRetired } = await readWorkerScript(base, fetch);
    if (isRetired) throw retired(base);
    return config;
  } catch (cause) {
    if (cause instanceof NodePeerError) throw cause;
    if (cause instanceof OriginError && cause.status === GONE) throw retired(base);
    if (cause instanceof OriginError && remembered !== undefined && cause.status !== 404) return remembered.published;
    if (cause instanceof OriginError && cause.code !== 'origin-status') throw cause;
    throw new NodePeerError('not-published', `no app published with Tabseed at ${base}`, { cause });
  }
}

/**
 * What the origin's worker script says of the app.
 *
 * @throws OriginError
 * @throws ProtocolError when it is no worker script
 */
export async function readWorkerScript(
  base: string,
  fetch: typeof globalThis.fetch,
): Promise<ReturnType<typeof decodeWorkerScript>> {
  const script = await readCapped(fetch, new URL(WORKER_SCRIPT, base), 'no-store', MAX_WORKER_SCRIPT_BYTES);
  return decodeWorkerScript(new TextDecoder().decode(script));
}

function asKey(text: string): Sha256 {
  const key = text.trim().toLowerCase();
  if (!isSha256(key)) throw new NodePeerError('bad-public-key', `"${text}" is not a public key of 64 hex digits`);
  return key;
}

/** Whether a URL means this machine. */
export function isLoopback(base: string): boolean {
  const { hostname } = new URL(base);
  return hostname === 'localhost' || hostname.endsWith('.localhost') || hostname === '[::1]' || /^127\./.test(hostname);
}
