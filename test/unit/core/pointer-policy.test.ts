import { describe, expect, it } from 'vitest';
import { EXPIRY_TOLERANCE_SECONDS, judgePointer } from '../../../src/core/pointer-policy.ts';
import type { Pointer } from '../../../src/protocol/pointer.ts';
import { MAX_SEQUENCE } from '../../../src/protocol/pointer.ts';
import type { WorkerConfig } from '../../../src/protocol/worker-config.ts';

const NOW = 1_800_000_000;
const DAY = 24 * 60 * 60;
const config: WorkerConfig = { app: 'app', channel: 'stable', keys: [], development: false };

function pointer(changes: Partial<Pointer> = {}): Pointer {
  return {
    app: 'app',
    channel: 'stable',
    sequence: NOW,
    created: NOW,
    expires: NOW + 90 * DAY,
    minimumSequence: 0,
    manifestHash: '0'.repeat(64),
    manifestBytes: 100,
    ...changes,
  };
}

const judge = (newer: Pointer, known?: Pointer, nowSeconds = NOW) => judgePointer(newer, { config, known, nowSeconds });

describe('the judgement of a pointer', () => {
  it('installs the first one and any with a higher sequence', () => {
    expect(judge(pointer())).toBe('install');
    expect(judge(pointer({ sequence: 2 }), pointer({ sequence: 1 }))).toBe('install');
  });

  it('takes the same and a lower sequence for no news, even when that copy has expired', () => {
    expect(judge(pointer({ sequence: 5 }), pointer({ sequence: 5 }))).toBe('no-news');
    expect(judge(pointer({ sequence: 4, expires: 1 }), pointer({ sequence: 5 }))).toBe('no-news');
  });

  it('keeps the known release when it was signed again with a later end, and only then', () => {
    const known = pointer({ minimumSequence: 3 });
    const later = { expires: known.expires + DAY, minimumSequence: 3 };
    expect(judge(pointer(later), known)).toBe('renewal');
    expect(judge(pointer({ ...later, minimumSequence: 4 }), known)).toBe('renewal');
    expect(judge(pointer({ ...later, minimumSequence: 2 }), known)).toBe('no-news');
    expect(judge(pointer({ ...later, manifestHash: '1'.repeat(64) }), known)).toBe('no-news');
    expect(judge(pointer({ ...later, expires: known.expires }), known)).toBe('no-news');
    expect(judge(pointer(later), known, known.expires + 40 * DAY)).toBe('expired');
  });

  it('refuses another app and another channel before anything else', () => {
    expect(judge(pointer({ app: 'other', sequence: 1 }), pointer())).toBe('wrong-app');
    expect(judge(pointer({ channel: 'beta' }))).toBe('wrong-channel');
  });

  it('refuses an expired one only after the tolerance', () => {
    const last = NOW + EXPIRY_TOLERANCE_SECONDS;
    expect(judge(pointer({ expires: NOW }), undefined, last)).toBe('install');
    expect(judge(pointer({ expires: NOW }), undefined, last + 1)).toBe('expired');
  });

  it('installs with a clock that is years behind', () => {
    expect(judge(pointer(), undefined, 0)).toBe('install');
  });

  it('installs one that was created in its future, which says nothing of its end nor of its order', () => {
    const ahead = { created: NOW + 400 * DAY, expires: NOW + 490 * DAY };
    expect(judge(pointer(ahead))).toBe('install');
    expect(judge(pointer({ ...ahead, sequence: 5 }), pointer({ sequence: 4 }))).toBe('install');
    // It is no newer for it, and what follows it is installed although it was created before.
    expect(judge(pointer({ ...ahead, sequence: 4 }), pointer({ sequence: 5 }))).toBe('no-news');
    expect(judge(pointer({ sequence: 6 }), pointer({ ...ahead, sequence: 5 }))).toBe('install');
    expect(judge(pointer(ahead), undefined, ahead.expires + 3 * DAY)).toBe('expired');
  });

  it('refuses what lies below the floor that it states or that was stated before', () => {
    const refused = 'below-floor';
    expect(judge(pointer({ sequence: 9, minimumSequence: 10 }))).toBe(refused);
    expect(judge(pointer({ sequence: 9 }), pointer({ sequence: 8, minimumSequence: 10 }))).toBe(refused);
    expect(judge(pointer({ sequence: 10, minimumSequence: 10 }))).toBe('install');
  });

  it('refuses a sequence that leaves no room for a successor', () => {
    expect(judge(pointer({ sequence: MAX_SEQUENCE }))).toBe('install');
    expect(judge(pointer({ sequence: MAX_SEQUENCE + 1 }))).toBe('sequence-too-high');
    const highest = pointer({ sequence: Number.MAX_SAFE_INTEGER });
    expect(judge(highest)).toBe('sequence-too-high');
  });
});
