import { judgePointer, type PointerRefusal } from '../core/pointer-policy.ts';
import type { Digest } from '../core/ports.ts';
import { ProtocolError } from '../protocol/errors.ts';
import { manifestPath, POINTER_PATH } from '../protocol/layout.ts';
import { MAX_POINTER_BYTES } from '../protocol/limits.ts';
import type { Manifest } from '../protocol/manifest.ts';
import { isRetirement, type Pointer } from '../protocol/pointer.ts';
import type { WorkerConfig } from '../protocol/worker-config.ts';
import { SignatureError, verifyPointer } from './pointer-signature.ts';
import { readCapped } from './read-capped.ts';

export interface ReleaseRequest {
  /** The scope: absolute, with a `/` at its end. */
  readonly base: string;
  readonly fetch: typeof fetch;
  readonly config: WorkerConfig;
  /** The newest pointer that was verified and kept. */
  readonly known: Pointer | undefined;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly digest: Digest;
  /** Of a manifest that is the one which a verified pointer names. @throws ProtocolError */
  readonly decode: (bytes: Uint8Array) => Manifest;
}

export type ReleaseRefusal =
  | PointerRefusal
  /** Not a pointer or manifest of this protocol; a host that answers unknown paths with HTML looks like this. */
  | 'malformed'
  /** No key of the config signed it. */
  | 'bad-signature'
  /** The manifest is not the one that the pointer names. */
  | 'wrong-manifest'
  /** Signed, newer than what is known, and without a release: the publisher takes the app away. */
  | 'retired';

export interface LoadedRelease {
  readonly pointerBytes: Uint8Array<ArrayBuffer>;
  readonly manifestBytes: Uint8Array<ArrayBuffer>;
  readonly pointer: Pointer;
  readonly manifest: Manifest;
}

/** The known release, signed again with a later end. */
export type RenewedPointer = Pick<LoadedRelease, 'pointer' | 'pointerBytes'>;

export type ReleaseOutcome =
  | ({ readonly outcome: 'new' } & LoadedRelease)
  | ({ readonly outcome: 'renewed' } & RenewedPointer)
  | { readonly outcome: 'no-news' }
  | { readonly outcome: 'refused'; readonly code: ReleaseRefusal };

/**
 * Looks for a newer release: the pointer, and if it is news the manifest; both verified.
 *
 * @throws OriginError when the origin does not give them; its `status` tells 404 and 410 apart.
 */
export async function loadRelease(request: ReleaseRequest): Promise<ReleaseOutcome> {
  try {
    return await load(request);
  } catch (error) {
    if (error instanceof ProtocolError) return { outcome: 'refused', code: 'malformed' };
    if (error instanceof SignatureError) return { outcome: 'refused', code: error.code };
    throw error;
  }
}

async function load({ base, fetch, config, known, now, digest, decode }: ReleaseRequest): Promise<ReleaseOutcome> {
  const pointerBytes = await readCapped(fetch, new URL(POINTER_PATH, base), 'no-store', MAX_POINTER_BYTES);
  const pointer = await verifyPointer(pointerBytes, config);
  const judgement = judgePointer(pointer, { config, known, nowSeconds: Math.floor(now() / 1000) });
  if (judgement === 'no-news') return { outcome: 'no-news' };
  if (judgement === 'renewal') return { outcome: 'renewed', pointerBytes, pointer };
  if (judgement !== 'install') return { outcome: 'refused', code: judgement };
  if (isRetirement(pointer)) return { outcome: 'refused', code: 'retired' };

  const url = new URL(manifestPath(pointer.manifestHash), base);
  // Hash-named and immutable: a copy in the HTTP cache is as good, and its hash is checked.
  const manifestBytes = await readCapped(fetch, url, 'default', pointer.manifestBytes);
  const manifest = await openManifest({ digest, decode }, pointer, manifestBytes);
  if (manifest === undefined) return { outcome: 'refused', code: 'wrong-manifest' };
  return { outcome: 'new', pointerBytes, manifestBytes, pointer, manifest };
}

/**
 * The manifest in these bytes, if it is the one that a verified pointer names; otherwise `undefined`.
 *
 * @throws ProtocolError when it is, and is none.
 */
export async function openManifest(
  { digest, decode }: Pick<ReleaseRequest, 'digest' | 'decode'>,
  pointer: Pointer,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<Manifest | undefined> {
  if (bytes.length !== pointer.manifestBytes || (await digest.sha256(bytes)) !== pointer.manifestHash) return undefined;
  const manifest = decode(bytes);
  const agrees = (['app', 'channel', 'sequence'] as const).every((field) => manifest[field] === pointer[field]);
  return agrees ? manifest : undefined;
}
