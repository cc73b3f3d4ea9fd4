import { ProtocolError } from './errors.ts';
import { type ChunkId, isSha256, type Sha256 } from './identifier.ts';
import * as limits from './limits.ts';
import { asA, asBuffer, asCount, asFields, asFlag, asLabel, asList, asOneOf, asText } from './shape.ts';
import { decodeTraffic, type Traffic } from './traffic.ts';
import { decodeWorkerConfig, type WorkerConfig } from './worker-config.ts';

/**
 * Between the tabs of one browser and its service worker: structured clones with transferred buffers. `Page` messages
 * go over `postMessage` (they keep the worker alive); leader messages over the MessagePort that `lead` brings.
 * A page and a worker of different PROTOCOL_VERSION ignore each other: the worker then answers alone.
 */

/**
 * What is posted between pages and worker. An app's own messages go the same way where Tabseed is in its worker: neither
 * takes the other's for its own.
 */
interface Posted<Message> {
  readonly tabseed: Message;
}

export function posted<Message extends PageMessage | WorkerMessage>(message: Message): Posted<Message> {
  return { tabseed: message };
}

/** The message in what arrived, not decoded yet; `undefined` when it is somebody else's. */
export function openPosted(data: unknown): unknown {
  return (data as Partial<Posted<unknown>> | null | undefined)?.tabseed;
}

/** Page → worker, by `ServiceWorker.postMessage`, `posted`. */
export type PageMessage =
  /**
   * Asks for a `status` now; later ones come whenever something changed. `release`: what the page's document came from,
   * in case the worker has forgotten; 0 where the page does not know.
   */
  | { readonly type: 'watch'; readonly version: number; readonly release: number }
  /** This tab became the leader. The transferred port carries leader messages until it or the worker ends. */
  | { readonly type: 'lead'; readonly version: number }
  /** The page's registration has this worker, which would take over nobody: after a retirement, revived. */
  | { readonly type: 'claim' }
  /** Sent while a stream is open: traffic on a MessagePort alone does not keep a worker alive. */
  | { readonly type: 'keep-alive' }
  /** What the page had loaded before the worker took control: to be taken from the HTTP cache. */
  | { readonly type: 'loaded'; readonly urls: readonly string[] }
  /** Fetch these into the store. One `Reply` comes over the transferred port. */
  | { readonly type: 'prefetch'; readonly urls: readonly string[] }
  /** Look for a newer release, unless that was done less than so long ago. One `Reply` comes over the transferred port. */
  | {
      readonly type: 'check';
      readonly intervalMs: number;
      /** What to look at in place of what the origin has: the files of a pointer and its manifest. Untrusted like those. */
      readonly offer?: unknown;
    }
  /** Make the next release the active one. One `Reply` comes over the transferred port. */
  | { readonly type: 'apply' }
  /** Take away what the app keeps in this browser, and the worker. One `Reply` comes over the transferred port. */
  | { readonly type: 'uninstall' }
  /** How far the leader is with the next release, a `StagingProgress`: pages get it in their `status`, and decode it. */
  | { readonly type: 'staging'; readonly progress: unknown };

export type Reply =
  | { readonly type: 'done' }
  | { readonly type: 'failed'; readonly code: string; readonly message: string };

/** Worker → page, by `Client.postMessage`, `posted`. */
export type WorkerMessage =
  | { readonly type: 'status'; readonly version: number; readonly status: WorkerStatus }
  /** The worker has no port: the leader, if this tab is it, sends `lead` again. */
  | { readonly type: 'leader-wanted' }
  /** The leader does not answer: this (visible) tab takes its lock. */
  | { readonly type: 'take-over' }
  /** The app is retired: stop, and let go of what is stored. */
  | { readonly type: 'retired' }
  /** Whose is the frame or worker with this URL? The page that has it says so over the transferred port, with any message. */
  | { readonly type: 'whose'; readonly url: string };

export interface WorkerStatus {
  /** The release that new pages get; `null` before the first one is installed. */
  readonly release: { readonly sequence: number; readonly version: string } | null;
  /** For `decodeReleaseNews`, which the part of a page that is loaded first does without. */
  readonly news: unknown;
  readonly traffic: Traffic;
  readonly peers: number;
  /** True while a leader's port is connected. */
  readonly leader: boolean;
}

/** Worker → leader. */
export type LeaderRequest =
  /**
   * First message on a port, and again when the set of releases changes; newest manifest first. `stage`: the newest is to
   * be brought into the store.
   */
  | {
      readonly type: 'releases';
      readonly config: WorkerConfig;
      readonly manifests: readonly ArrayBuffer[];
      /** Their pointer files. */
      readonly pointers: readonly ArrayBuffer[];
      readonly stage: boolean;
    }
  /** Chunks that a page waits for, in the order of need. Answered by `ack` at once, then by `chunk` or `missing` each. */
  | {
      readonly type: 'want';
      readonly request: number;
      readonly urgency: WantUrgency;
      readonly chunks: readonly ChunkId[];
    }
  | { readonly type: 'cancel'; readonly request: number }
  /** The worker put these into the store itself: the swarm may have them. */
  | { readonly type: 'stored'; readonly chunks: readonly ChunkId[] };

/** `urgent`: a navigation or a small file that a page waits for. `bulk`: everything else. */
export type Urgency = 'urgent' | 'bulk';

/** `prompt`: urgent, and `missing` at once where peers would take longer than the worker's own way to the origin. */
export type WantUrgency = Urgency | 'prompt';
const WANT_URGENCIES: readonly WantUrgency[] = ['urgent', 'bulk', 'prompt'];

/** Where a chunk came from. */
export type SourceName = 'store' | 'peers' | 'origin';
const SOURCE_NAMES: readonly SourceName[] = ['store', 'peers', 'origin'];

/** Leader → worker. */
export type LeaderResponse =
  | { readonly type: 'ack'; readonly request: number }
  /** Plain bytes, transferred. The worker verifies them again before a page sees them. */
  | {
      readonly type: 'chunk';
      readonly request: number;
      readonly chunk: ChunkId;
      readonly source: SourceName;
      readonly bytes: ArrayBuffer;
    }
  /** Neither peers nor the origin could give it now; the worker tries the origin itself. */
  | { readonly type: 'missing'; readonly request: number; readonly chunk: ChunkId }
  /** Bytes moved since the last report, and the number of connected peers. */
  | { readonly type: 'report'; readonly traffic: Traffic; readonly peers: number };

/** @throws ProtocolError */
export function decodePageMessage(value: unknown): PageMessage {
  const fields = asFields(value, 'page message');
  switch (fields.type) {
    case 'watch':
      return {
        type: 'watch',
        version: asCount(fields.version, 'version'),
        release: asCount(fields.release, 'release'),
      };
    case 'lead':
      return { type: 'lead', version: asCount(fields.version, 'version') };
    case 'claim':
    case 'keep-alive':
    case 'apply':
    case 'uninstall':
      return { type: fields.type };
    case 'check':
      return { type: 'check', intervalMs: asCount(fields.intervalMs, 'interval'), offer: fields.offer };
    case 'staging':
      return { type: 'staging', progress: fields.progress };
    case 'loaded':
    case 'prefetch':
      return { type: fields.type, urls: asList(fields.urls, 'urls', limits.MAX_URLS_PER_MESSAGE, asUrl) };
    default:
      throw new ProtocolError('unknown-type', 'page message');
  }
}

/** @throws ProtocolError */
export function decodeReply(value: unknown): Reply {
  const fields = asFields(value, 'reply');
  switch (fields.type) {
    case 'done':
      return { type: 'done' };
    case 'failed':
      return {
        type: 'failed',
        code: asLabel(fields.code, 'code'),
        message: asText(fields.message, 'message', limits.MAX_REASON_CHARACTERS),
      };
    default:
      throw new ProtocolError('unknown-type', 'reply');
  }
}

/** @throws ProtocolError */
export function decodeWorkerMessage(value: unknown): WorkerMessage {
  const fields = asFields(value, 'worker message');
  switch (fields.type) {
    case 'status':
      return { type: 'status', version: asCount(fields.version, 'version'), status: decodeStatus(fields.status) };
    case 'leader-wanted':
    case 'take-over':
    case 'retired':
      return { type: fields.type };
    case 'whose':
      return { type: 'whose', url: asUrl(fields.url) };
    default:
      throw new ProtocolError('unknown-type', 'worker message');
  }
}

/** @throws ProtocolError */
export function decodeLeaderRequest(value: unknown): LeaderRequest {
  const fields = asFields(value, 'leader request');
  switch (fields.type) {
    case 'releases':
      return {
        type: 'releases',
        config: decodeWorkerConfig(fields.config),
        manifests: asList(fields.manifests, 'manifests', limits.MAX_MANIFESTS_PER_MESSAGE, (manifest) =>
          asBuffer(manifest, 'manifest', limits.MAX_MANIFEST_BYTES),
        ),
        pointers: asList(fields.pointers, 'pointers', limits.MAX_MANIFESTS_PER_MESSAGE, (pointer) =>
          asBuffer(pointer, 'pointer', limits.MAX_POINTER_BYTES),
        ),
        stage: asFlag(fields.stage, 'stage'),
      };
    case 'want':
      return {
        type: 'want',
        request: asCount(fields.request, 'request'),
        urgency: asOneOf(fields.urgency, 'urgency', WANT_URGENCIES),
        chunks: asList(fields.chunks, 'chunks', limits.MAX_CHUNKS_PER_WANT, asChunkId),
      };
    case 'cancel':
      return { type: 'cancel', request: asCount(fields.request, 'request') };
    case 'stored':
      return { type: 'stored', chunks: asList(fields.chunks, 'chunks', limits.MAX_CHUNKS_PER_PACK, asChunkId) };
    default:
      throw new ProtocolError('unknown-type', 'leader request');
  }
}

/** @throws ProtocolError */
export function decodeLeaderResponse(value: unknown): LeaderResponse {
  const fields = asFields(value, 'leader response');
  switch (fields.type) {
    case 'ack':
      return { type: 'ack', request: asCount(fields.request, 'request') };
    case 'chunk':
      return {
        type: 'chunk',
        request: asCount(fields.request, 'request'),
        chunk: asChunkId(fields.chunk),
        source: asOneOf(fields.source, 'source', SOURCE_NAMES),
        bytes: asBuffer(fields.bytes, 'bytes', limits.MAX_CHUNK_BYTES),
      };
    case 'missing':
      return { type: 'missing', request: asCount(fields.request, 'request'), chunk: asChunkId(fields.chunk) };
    case 'report':
      return { type: 'report', traffic: decodeTraffic(fields.traffic), peers: asCount(fields.peers, 'peers') };
    default:
      throw new ProtocolError('unknown-type', 'leader response');
  }
}

function decodeStatus(value: unknown): WorkerStatus {
  const fields = asFields(value, 'status');
  return {
    release: fields.release === null ? null : decodeReleaseName(fields.release),
    news: fields.news,
    traffic: decodeTraffic(fields.traffic),
    peers: asCount(fields.peers, 'peers'),
    leader: asFlag(fields.leader, 'leader'),
  };
}

function decodeReleaseName(value: unknown): { sequence: number; version: string } {
  const fields = asFields(value, 'release');
  return {
    sequence: asCount(fields.sequence, 'sequence'),
    version: asLabel(fields.version, 'version'),
  };
}

function asUrl(value: unknown): string {
  return asText(value, 'url', limits.MAX_URL_CHARACTERS);
}

function asChunkId(value: unknown): Sha256 {
  return asA(value, 'chunk', isSha256);
}
