import fc from 'fast-check';

type Mutate = (bytes: Uint8Array) => Uint8Array;

const flip = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })).map(
  ([at, mask]): Mutate =>
    (bytes) =>
      bytes.map((byte, index) => (index === at % bytes.length ? byte ^ mask : byte)),
);

const truncate = fc.nat().map(
  (at): Mutate =>
    (bytes) =>
      bytes.slice(0, at % (bytes.length + 1)),
);

const extend = fc.uint8Array({ minLength: 1, maxLength: 20 }).map(
  (more): Mutate =>
    (bytes) =>
      Uint8Array.from([...bytes, ...more]),
);

/** Replaces, inserts or removes a stretch: a length field that changes shifts everything behind it. */
const splice = fc.tuple(fc.nat(), fc.nat({ max: 8 }), fc.uint8Array({ maxLength: 12 })).map(
  ([at, removed, added]): Mutate =>
    (bytes) => {
      const start = at % (bytes.length + 1);
      return Uint8Array.from([...bytes.subarray(0, start), ...added, ...bytes.subarray(start + removed)]);
    },
);

/** A large number in place of some byte: counts and lengths that the rest does not have. */
const inflate = fc.tuple(fc.nat(), fc.constantFrom('ff7f', '8020', 'ffff7f', 'ffffffffffffff0f')).map(
  ([at, hex]): Mutate =>
    (bytes) => {
      const start = at % (bytes.length + 1);
      return Uint8Array.from([...bytes.subarray(0, start), ...Buffer.from(hex, 'hex'), ...bytes.subarray(start + 1)]);
    },
);

const mutations = fc.array(fc.oneof(flip, truncate, extend, splice, inflate), { minLength: 1, maxLength: 3 });

/** Valid bytes after one to three accidents. */
export function mutated(valid: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  return fc.tuple(valid, mutations).map(([bytes, steps]) => steps.reduce((now, step) => step(now), bytes));
}
