import { encodeDeltaStart, newNames, type PatchEntry, plainBytesOf } from '../protocol/delta.ts';
import type { Manifest } from '../protocol/manifest.ts';
import { encodeLzma } from './lzma-encoder.ts';
import type { PackedContent } from './packed-content.ts';
import { type PlannedPatch, planPatches } from './patch-plan.ts';

/** A patch must save this share of the chunks that it makes, or a client would decode it for nothing. */
const MINIMUM_SAVING = 0.1;
/** A delta costs a client a request and its description in the manifest. */
const MINIMUM_SAVING_BYTES = 4096;
/** About a minute's work; what is beyond comes as chunks. */
const MAX_TARGET_BYTES = 64 * 1024 * 1024;

interface Side {
  readonly manifest: Manifest;
  readonly content: PackedContent;
}

/**
 * What makes `next` out of `held`; `undefined` where chunks cost no more. Memory holds its bytes, which are fewer than
 * those of the new chunks, and one patch's window.
 */
export async function makeDelta(
  held: Side,
  next: Side,
  {
    abort,
    onPatch,
  }: { readonly abort: AbortSignal | undefined; readonly onPatch: (done: number, total: number) => void },
): Promise<Uint8Array | undefined> {
  const names = newNames(held.manifest, next.manifest);
  const plan = planPatches(held.manifest, next.manifest);
  const entries: PatchEntry[] = [];
  const patches: Uint8Array[] = [];
  let [skipped, savedBytes, targetBytes] = [0, 0, 0];
  for (const [index, planned] of plan.entries()) {
    abort?.throwIfAborted();
    targetBytes += plainBytesOf(planned.target);
    const patch = targetBytes > MAX_TARGET_BYTES ? undefined : await makePatch(planned, held, next, names);
    const chunkBytes = planned.target.reduce((sum, { encodedBytes }) => sum + encodedBytes, 0);
    if (patch === undefined || patch.length > chunkBytes * (1 - MINIMUM_SAVING)) skipped += planned.target.length;
    else {
      entries.push(entryOf(planned, skipped, patch.length));
      patches.push(patch);
      savedBytes += chunkBytes - patch.length;
      skipped = 0;
    }
    onPatch(index + 1, plan.length);
  }
  return savedBytes < MINIMUM_SAVING_BYTES ? undefined : Buffer.concat([encodeDeltaStart(entries), ...patches]);
}

async function makePatch(
  { target, source, isRelated }: PlannedPatch,
  held: Side,
  next: Side,
  names: Uint8Array,
): Promise<Uint8Array | undefined> {
  // Media and archives: without a part in common, nothing of the earlier file is found in them.
  if (!isRelated && target.every(({ encoding }) => encoding === 'identity')) return undefined;
  const after = await next.content.read(target);
  const before = await held.content.read(source?.chunks ?? []);
  if (after === undefined || before === undefined) return undefined;
  const dictionary = Buffer.concat([...before, names]);
  return encodeLzma(Buffer.concat([dictionary, ...after]), dictionary.length);
}

function entryOf({ target, source }: PlannedPatch, skipped: number, bytes: number): PatchEntry {
  const from = source && { file: source.file, first: source.first, count: source.chunks.length };
  return { skipped, count: target.length, source: from, bytes };
}
