import fc from 'fast-check';
import { ENCODINGS, type Encoding } from '../../../src/protocol/encoding.ts';
import { writeUnits } from '../../../src/protocol/lease-units.ts';
import * as limits from '../../../src/protocol/limits.ts';
import type { Manifest, Pack, ReleaseFile } from '../../../src/protocol/manifest.ts';
import type { PeerMessage } from '../../../src/protocol/peer-message.ts';
import type { Pointer, PointerSignature } from '../../../src/protocol/pointer.ts';
import type { ClientSignalMessage, PeerSignal, ServerSignalMessage } from '../../../src/protocol/signal-message.ts';
import { SIGNAL_ERROR_CODES } from '../../../src/protocol/signal-message.ts';
import type { WorkerConfig } from '../../../src/protocol/worker-config.ts';

const hex = (bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((value) => Buffer.from(value).toString('hex'));
const sha256 = hex(32);
const peerId = hex(16);
const count = fc.oneof(fc.nat({ max: 300 }), fc.maxSafeNat());
const text = (maxLength: number) => fc.string({ unit: 'binary', maxLength });
/** Within MAX_LABEL_BYTES whatever the characters are: UTF-8 needs at most four bytes for each. */
const label = text(limits.MAX_LABEL_BYTES / 4);

// --- peer messages ---------------------------------------------------------------------------------------------------

const announcedPack = fc.record({ id: sha256, chunkCount: fc.nat({ max: limits.MAX_CHUNKS_PER_PACK }) });
const packNumber = fc.nat({ max: limits.MAX_PACKS - 1 });

function run(maxCount: number): fc.Arbitrary<{ first: number; count: number }> {
  return fc.nat({ max: limits.MAX_CHUNKS_PER_PACK - 1 }).chain((first) =>
    fc.record({
      first: fc.constant(first),
      count: fc.integer({ min: 1, max: Math.min(maxCount, limits.MAX_CHUNKS_PER_PACK - first) }),
    }),
  );
}

const dataMessage = fc
  .record({
    request: count,
    chunk: fc.nat({ max: limits.MAX_CHUNKS_PER_PACK - 1 }),
    encoding: fc.constantFrom(...ENCODINGS),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 300 }),
    offset: fc.nat({ max: limits.MAX_ENCODED_CHUNK_BYTES - 1000 }),
    after: fc.nat({ max: 500 }),
  })
  .map(({ after, ...data }) => ({
    type: 'data' as const,
    ...data,
    encodedBytes: data.offset + data.bytes.length + after,
  }));

export const peerMessage: fc.Arbitrary<PeerMessage> = fc.oneof(
  fc.record({
    type: fc.constant('hello'),
    version: fc.constant(1),
    instance: peerId,
    packs: fc.array(announcedPack),
  }),
  fc.record({ type: fc.constant('packs'), packs: fc.array(announcedPack) }),
  fc.record({ type: fc.constant('bitfield'), pack: packNumber, bits: fc.uint8Array({ maxLength: 100 }) }),
  fc
    .tuple(packNumber, run(limits.MAX_CHUNKS_PER_PACK))
    .map(([pack, chunks]) => ({ type: 'have' as const, pack, ...chunks })),
  fc
    .tuple(count, packNumber, run(limits.MAX_CHUNKS_PER_REQUEST))
    .map(([request, pack, chunks]) => ({ type: 'request' as const, request, pack, ...chunks })),
  fc.record({ type: fc.constantFrom('cancel', 'reject'), request: count }),
  dataMessage,
  fc.record({ type: fc.constantFrom('ping', 'pong'), token: count }),
  fc.constant({ type: 'bye' as const }),
  fc.record({ type: fc.constantFrom('pointer', 'manifest-part'), bytes: fc.uint8Array({ maxLength: 100 }) }),
  fc.record({
    type: fc.constant('manifest-request'),
    manifest: sha256,
    offset: fc.nat({ max: limits.MAX_MANIFEST_BYTES }),
  }),
);

// --- manifest and pointer --------------------------------------------------------------------------------------------

function packedChunk(encoding: Encoding) {
  return fc
    .record({
      id: sha256,
      plainBytes: fc.integer({ min: 1, max: limits.MAX_CHUNK_BYTES }),
      deflatedBytes: fc.integer({ min: 1, max: limits.MAX_ENCODED_CHUNK_BYTES }),
    })
    .map(({ id, plainBytes, deflatedBytes }) => ({
      id,
      encoding,
      plainBytes,
      encodedBytes: encoding === 'identity' ? plainBytes : deflatedBytes,
    }));
}

/** At most 20 chunks of 256 KiB: within MAX_PACK_BYTES. */
const pack: fc.Arbitrary<Pack> = fc.record({
  id: sha256,
  chunks: fc.array(fc.constantFrom(...ENCODINGS).chain(packedChunk), { minLength: 1, maxLength: 20 }),
});

const headerName = fc.stringMatching(/^[a-z0-9!#$%&'*+.^_`|~-]{1,20}$/);
const headerValue = fc.stringMatching(/^[\t\x20-\x7e\x80-\xff]{0,40}$/);
const headerSet = fc.array(fc.tuple(headerName, headerValue), { maxLength: 4 });

// biome-ignore lint/suspicious/noControlCharactersInRegex: a path has none
const pathCharacters = text(12).map((name) => name.replace(/[\u0000-\u001f\u007f\\/]/g, ''));
const segment = fc.oneof(
  fc.constantFrom('a', 'b', '%', '100%', '%2F', 'é', '\u{1f600}', '\uff5e', '...', ' ', '__proto__', 'constructor'),
  pathCharacters.filter((name) => name !== '' && name !== '.' && name !== '..'),
);
export const releasePath = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join('/'));

function releaseFile(packs: readonly Pack[], headerSets: number): fc.Arbitrary<ReleaseFile> {
  const chunkRun = fc
    .nat({ max: Math.max(0, packs.length - 1) })
    .chain((index) => {
      const chunks = packs[index]?.chunks.length ?? 1;
      return fc.tuple(
        fc.constant(index),
        fc.nat({ max: chunks - 1 }),
        fc.nat({ max: chunks - 1 }),
        fc.constant(chunks),
      );
    })
    .map(([index, first, more, chunks]) => ({ pack: index, first, count: 1 + Math.min(more, chunks - 1 - first) }));
  return fc
    .record({
      path: releasePath,
      hash: sha256,
      mediaType: headerValue,
      headerSet: fc.nat({ max: headerSets - 1 }),
      runs: fc.array(chunkRun, { maxLength: packs.length === 0 ? 0 : 5 }),
    })
    .map((file) => ({ ...file, plainBytes: plainBytesOf(file.runs, packs) }));
}

function plainBytesOf(runs: ReleaseFile['runs'], packs: readonly Pack[]): number {
  return runs
    .flatMap((one) => packs[one.pack]?.chunks.slice(one.first, one.first + one.count) ?? [])
    .reduce((sum, chunk) => sum + chunk.plainBytes, 0);
}

const byPath = (one: ReleaseFile, two: ReleaseFile) => (one.path < two.path ? -1 : 1);

const content = fc
  .record({
    packs: fc.uniqueArray(pack, { maxLength: 4, selector: (one) => one.id }),
    headerSets: fc.array(headerSet, { minLength: 1, maxLength: 3 }),
  })
  .chain(({ packs, headerSets }) =>
    fc.record({
      packs: fc.constant(packs),
      headerSets: fc.constant(headerSets),
      files: fc
        .uniqueArray(releaseFile(packs, headerSets.length), { maxLength: 8, selector: (file) => file.path })
        .map((files) => files.sort(byPath)),
    }),
  );

const chunking = fc
  .array(fc.integer({ min: 1, max: limits.MAX_CHUNK_BYTES }), { minLength: 3, maxLength: 3 })
  .map((sizes) => sizes.sort((one, two) => one - two) as [number, number, number])
  .map(([minimumBytes, averageBytes, maximumBytes]) => ({ minimumBytes, averageBytes, maximumBytes }));

export const manifest: fc.Arbitrary<Manifest> = fc
  .tuple(
    fc.record({
      app: label,
      channel: label,
      sequence: count,
      version: label,
      created: count,
      settings: text(100),
      chunking,
    }),
    content,
  )
  .map(([head, body]) => ({ ...head, ...body }));

export const pointer: fc.Arbitrary<Pointer> = fc
  .record({
    app: label,
    channel: label,
    manifestHash: sha256,
    manifestBytes: fc.nat({ max: limits.MAX_MANIFEST_BYTES }),
    times: fc.tuple(count, count),
    sequences: fc.tuple(count, count),
  })
  .map(({ times: [one, two], sequences: [three, four], ...rest }) => ({
    ...rest,
    created: Math.min(one, two),
    expires: Math.max(one, two),
    minimumSequence: Math.min(three, four),
    sequence: Math.max(three, four),
  }));

export const pointerSignatures: fc.Arbitrary<PointerSignature[]> = fc.array(
  fc.record({ key: hex(8), signature: fc.uint8Array({ minLength: 64, maxLength: 64 }) }),
  { maxLength: limits.MAX_SIGNATURES },
);

export const workerConfig: fc.Arbitrary<WorkerConfig> = fc.record({
  app: label,
  channel: label,
  keys: fc.array(sha256, { maxLength: limits.MAX_SIGNATURES }),
  development: fc.boolean(),
});

// --- signaling -------------------------------------------------------------------------------------------------------

const nullable = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null });
/** What JSON can carry, half surrogate pairs included. */
const jsonText = fc.string({ unit: fc.nat({ max: 0xffff }).map((code) => String.fromCharCode(code)), maxLength: 40 });

const peerSignal: fc.Arbitrary<PeerSignal> = fc.oneof(
  fc.record({ type: fc.constantFrom('offer', 'answer'), sdp: jsonText }),
  fc.record({
    type: fc.constant('candidate'),
    candidate: jsonText,
    sdpMid: nullable(jsonText),
    sdpMLineIndex: nullable(fc.nat({ max: limits.MAX_MLINE_INDEX })),
  }),
);

const leaseUnit = fc.nat({ max: limits.MAX_LEASE_UNITS_PER_PACK - 1 });
const leaseUnits = fc.uniqueArray(leaseUnit, { maxLength: 40 }).map((units) => writeUnits(units));

export const clientSignalMessage: fc.Arbitrary<ClientSignalMessage> = fc.oneof(
  fc.record(
    { type: fc.constant('join'), version: count, room: sha256, reach: fc.constantFrom('site', 'any') },
    { requiredKeys: ['type', 'version', 'room'] },
  ),
  fc.record(
    { type: fc.constant('match'), count: fc.nat({ max: limits.MAX_MATCH_COUNT }), partners: fc.nat() },
    { requiredKeys: ['type', 'count'] },
  ),
  fc.record({ type: fc.constant('signal'), to: peerId, signal: peerSignal }),
  fc.record({ type: fc.constant('unmatch'), peer: peerId }),
  fc.record({
    type: fc.constant('want'),
    leases: fc.nat({ max: limits.MAX_LEASES }),
    packs: fc.array(fc.record({ pack: sha256, units: leaseUnits }), { maxLength: limits.MAX_PACKS_PER_WANT }),
  }),
  fc.record({ type: fc.constant('heartbeat') }),
);

const iceServer = fc.record(
  {
    urls: fc.array(
      fc.tuple(fc.constantFrom('stun:', 'stuns:', 'turn:', 'turns:'), jsonText).map((parts) => parts.join('')),
      { minLength: 1, maxLength: limits.MAX_URLS_PER_ICE_SERVER },
    ),
    username: jsonText,
    credential: jsonText,
  },
  { requiredKeys: ['urls'] },
);

export const serverSignalMessage: fc.Arbitrary<ServerSignalMessage> = fc.oneof(
  fc.record({
    type: fc.constant('welcome'),
    peer: peerId,
    iceServers: fc.array(iceServer, { maxLength: limits.MAX_ICE_SERVERS }),
  }),
  fc.record({ type: fc.constant('partner'), peer: peerId, initiator: fc.boolean() }),
  fc.record({ type: fc.constant('signal'), from: peerId, signal: peerSignal }),
  fc.record({ type: fc.constant('gone'), peer: peerId }),
  fc.record({
    type: fc.constant('leases'),
    leases: fc.array(fc.record({ pack: sha256, unit: leaseUnit }), { maxLength: limits.MAX_LEASES }),
  }),
  fc.record({ type: fc.constant('heartbeat') }),
  fc.record({ type: fc.constant('error'), code: fc.constantFrom(...SIGNAL_ERROR_CODES), message: jsonText }),
);
