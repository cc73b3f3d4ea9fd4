import type { Codec } from '../../src/core/ports.ts';
import { type ContractCase, equal, patterned, rejects } from './contract.ts';

export interface CodecSubject {
  readonly codec: Codec;
  /** Compresses as a publisher does. */
  readonly deflateRaw: (bytes: Uint8Array) => Promise<Uint8Array>;
}

function text(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => 97 + ((index * index) % 7));
}

export const codecContract: readonly ContractCase<CodecSubject>[] = [
  {
    name: 'inflates what was deflated, from nothing to 256 KiB, compressible or not',
    run: async ({ codec, deflateRaw }) => {
      for (const plain of [new Uint8Array(), patterned(1), text(1000), patterned(65_536), text(256 * 1024)]) {
        equal(await codec.inflateRaw(await deflateRaw(plain), plain.length), plain);
      }
    },
  },
  {
    name: 'gives a buffer of its own that may be transferred',
    run: async ({ codec, deflateRaw }) => {
      const plain = await codec.inflateRaw(await deflateRaw(text(300)), 300);
      equal([plain.byteOffset, plain.buffer.byteLength], [0, 300]);
      structuredClone(plain.buffer, { transfer: [plain.buffer] });
    },
  },
  {
    name: 'reads only the view of a larger buffer',
    run: async ({ codec, deflateRaw }) => {
      const deflated = await deflateRaw(text(500));
      const surrounded = new Uint8Array(deflated.length + 20).fill(255);
      surrounded.set(deflated, 10);
      equal(await codec.inflateRaw(surrounded.subarray(10, 10 + deflated.length), 500), text(500));
    },
  },
  {
    name: 'rejects more and fewer bytes than declared',
    run: async ({ codec, deflateRaw }) => {
      const deflated = await deflateRaw(text(1000));
      await rejects(codec.inflateRaw(deflated, 999));
      await rejects(codec.inflateRaw(deflated, 1001));
      await rejects(codec.inflateRaw(deflated, 0));
      await rejects(codec.inflateRaw(await deflateRaw(new Uint8Array(50_000_000)), 1000));
    },
  },
  {
    name: 'rejects damaged, truncated and trailing data',
    run: async ({ codec, deflateRaw }) => {
      const deflated = await deflateRaw(text(1000));
      await rejects(codec.inflateRaw(deflated.subarray(0, deflated.length - 1), 1000));
      await rejects(codec.inflateRaw(new Uint8Array([...deflated, 0]), 1000));
      await rejects(codec.inflateRaw(new Uint8Array(), 0));
      await rejects(codec.inflateRaw(Uint8Array.of(7, 7, 7, 7), 100));
    },
  },
];
