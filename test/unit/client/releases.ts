import type { Manifest, Settings } from '../../../src/protocol/manifest.ts';
import type { WorkerConfig } from '../../../src/protocol/worker-config.ts';

export const CONFIG: WorkerConfig = { app: 'app', channel: 'stable', keys: ['a'.repeat(64)], development: false };

/** A manifest without files. */
export function manifestOf(sequence: number, settings: Partial<Settings> = {}): Manifest {
  return {
    app: CONFIG.app,
    channel: CONFIG.channel,
    sequence,
    version: `v${sequence}`,
    created: 1,
    settings: { mode: 'site', signal: 'tabseed/signal', ...settings },
    chunking: { minimumBytes: 1, averageBytes: 2, maximumBytes: 4 },
    packs: [],
    headerSets: [[]],
    files: [],
  };
}

/** A chunk id that is easy to tell apart. */
export function chunkId(digit: string): string {
  return digit.repeat(64);
}
