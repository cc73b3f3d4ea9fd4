import type { Chunking, Manifest } from '../protocol/manifest.ts';
import type { Pointer } from '../protocol/pointer.ts';
import { DEFAULT_SETTINGS, encodeSettings } from '../protocol/settings.ts';

/** What a retired app has in place of a manifest, for the release that revives it: browsers have kept nothing. */
export function manifestOfRetired({ app, channel, sequence, created }: Pointer, chunking: Chunking): Manifest {
  const settings = encodeSettings(DEFAULT_SETTINGS);
  return { app, channel, sequence, version: '', created, settings, chunking, packs: [], headerSets: [], files: [] };
}
