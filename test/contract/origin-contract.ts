import type { ByteSource, Origin } from '../../src/core/ports.ts';
import { type ContractCase, equal, ok, patterned, rejects } from './contract.ts';

export interface OriginSubject {
  /** Has PACK_BYTES as the pack PACK and FILE_BYTES as FILE, and nothing else. */
  readonly origin: Origin;
  /** From now on requests get no answer. */
  readonly fallSilent: () => void;
}

export const PACK = 'd'.repeat(64);
export const PACK_BYTES = patterned(300_000);
export const FILE = 'dir/a b.js';
export const FILE_BYTES = patterned(100_000, 2);

export async function readAll(source: ByteSource): Promise<Uint8Array> {
  const bytes: number[] = [];
  for (let piece = await source.next(); piece !== undefined; piece = await source.next()) bytes.push(...piece);
  return Uint8Array.from(bytes);
}

export const originContract: readonly ContractCase<OriginSubject>[] = [
  {
    name: 'reads exactly the bytes asked for, from anywhere in a pack',
    run: async ({ origin }) => {
      equal(await readAll(origin.readPack(PACK, 0, 1)), PACK_BYTES.subarray(0, 1));
      equal(await readAll(origin.readPack(PACK, 100_000, 150_000)), PACK_BYTES.subarray(100_000, 250_000));
      equal(await readAll(origin.readPack(PACK, 299_000, 1000)), PACK_BYTES.subarray(299_000));
      equal(await readAll(origin.readPack(PACK, 0, PACK_BYTES.length)), PACK_BYTES);
    },
  },
  {
    name: 'reads a plain file whose path needs percent-encoding',
    run: async ({ origin }) => {
      equal(await readAll(origin.readFile(FILE)), FILE_BYTES);
    },
  },
  {
    name: 'rejects what is not there with its status, and says not to try again',
    run: async ({ origin }) => {
      for (const source of [origin.readPack('e'.repeat(64), 0, 10), origin.readFile('missing.js')]) {
        const error = await source.next().catch((reason: unknown) => reason);
        const { code, status } = error as { code?: string; status?: number };
        equal([code, status], ['origin-status', 404]);
        equal((error as { shouldRetry(): boolean }).shouldRetry(), false);
      }
    },
  },
  {
    name: 'rejects the read under way when it is cancelled, and takes a cancel too many',
    run: async ({ origin, fallSilent }) => {
      fallSilent();
      const source = origin.readPack(PACK, 0, 1000);
      const pending = source.next();
      source.cancel();
      await rejects(pending, 'origin-unreachable');
      source.cancel();
    },
  },
  {
    name: 'gives nothing more after a cancel in the middle, and takes a cancel at the end',
    run: async ({ origin }) => {
      const source = origin.readPack(PACK, 0, PACK_BYTES.length);
      const first = await source.next();
      ok(first !== undefined && first.length > 0, 'the first piece has bytes');
      source.cancel();
      await rejects(source.next(), 'origin-unreachable');
      const other = origin.readFile(FILE);
      await readAll(other);
      other.cancel();
    },
  },
];
