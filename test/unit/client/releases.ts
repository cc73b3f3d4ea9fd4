import type { Releases } from '../../../src/client/engine.ts';

/** Releases as the worker sends them. Nothing in the page part reads the manifests; the number tells them apart. */
export function releasesOf(sequence: number): Releases {
  return {
    config: { app: 'app', channel: 'stable', keys: ['a'.repeat(64)], development: false },
    manifests: [new Uint8Array([sequence]).buffer],
    pointers: [new Uint8Array([sequence]).buffer],
    stage: false,
  };
}

/** A chunk id that is easy to tell apart. */
export function chunkId(digit: string): string {
  return digit.repeat(64);
}
