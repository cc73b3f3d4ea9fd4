import type { Digest } from '../../src/core/ports.ts';
import { type ContractCase, equal } from './contract.ts';

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** FIPS 180-4 examples. */
const KNOWN: readonly (readonly [Uint8Array, string])[] = [
  [ascii(''), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  [ascii('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
  [
    ascii('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq'),
    '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
  ],
  [new Uint8Array(1_000_000).fill(97), 'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0'],
];

export const digestContract: readonly ContractCase<Digest>[] = [
  {
    name: 'gives the known SHA-256 as lower-case hex, also of a view and with several at once',
    run: async (digest) => {
      const hashes = await Promise.all(KNOWN.map(([bytes]) => digest.sha256(bytes)));
      equal(
        hashes,
        KNOWN.map(([, hash]) => hash),
      );
      equal(await digest.sha256(ascii('xabcx').subarray(1, 4)), KNOWN[1]?.[1]);
    },
  },
];
