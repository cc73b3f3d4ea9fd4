import { deflateRawSync } from 'node:zlib';
import { describe, it } from 'vitest';
import { zlibCodec } from '../../src/node/zlib-codec.ts';
import { syncCodec } from '../fakes/sync-codec.ts';
import { codecContract } from './codec-contract.ts';

const deflateRaw = (bytes: Uint8Array) => Promise.resolve(new Uint8Array(deflateRawSync(bytes, { level: 9 })));

// Not the codec of web streams: Node's DecompressionStream takes trailing bytes. Browsers' is tested in test/e2e.
describe.each([
  ['the codec on virtual time', syncCodec()],
  ["the codec of Node's zlib", zlibCodec()],
])('%s', (_name, codec) => {
  it.each(codecContract)('$name', ({ run }) => run({ codec, deflateRaw }));
});
