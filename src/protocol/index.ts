/**
 * What an independent client, tool or server needs to speak Tabseed: the files of a release, the messages of peers and of
 * the signaling server, their limits, and decoders that are the only gate for bytes from outside. Described in PROTOCOL.md.
 * The bridge between a tab and its worker is not here: both ends of it come from one build.
 *
 * @packageDocumentation
 */
export { ENCODINGS, type Encoding } from './encoding.ts';
export { PROTOCOL_ERROR_CODES, ProtocolError, type ProtocolErrorCode } from './errors.ts';
export { fromHex, toHex } from './hash-bytes.ts';
export { type ChunkId, isPeerId, isSha256, type PackId, type PeerId, type Sha256 } from './identifier.ts';
export { manifestPath, POINTER_PATH, packPath, WORKER_SCRIPT } from './layout.ts';
export * as limits from './limits.ts';
export {
  type Chunking,
  type ChunkRun,
  chunksOfFile,
  decodeManifest,
  encodeManifest,
  type HeaderSet,
  type Manifest,
  type Pack,
  type PackedChunk,
  packBytes,
  type ReleaseFile,
} from './manifest.ts';
export {
  type AnnouncedPack,
  type DataMessage,
  decodePeerMessage,
  encodePeerMessage,
  type PeerMessage,
} from './peer-message.ts';
export {
  decodePointer,
  encodePointer,
  isRetirement,
  KEY_ID_BYTES,
  type KeyId,
  type Pointer,
  type PointerSignature,
  pointerBytesToSign,
  type SignedPointer,
} from './pointer.ts';
export { pathOfUrl, pathToUrl, type ReleasePath } from './release-path.ts';
export { roomBytes } from './room.ts';
export {
  CONSENT_RULES,
  type ConsentRule,
  DEFAULT_SETTINGS,
  decodeSettings,
  encodeSettings,
  MIN_UPLOAD_BYTES_PER_SECOND,
  MODES,
  type Mode,
  type Settings,
} from './settings.ts';
export {
  type ClientSignalMessage,
  decodeClientSignalMessage,
  decodeServerSignalMessage,
  type IceServer,
  type PeerSignal,
  type Reach,
  type ServerSignalMessage,
  SIGNAL_ERROR_CODES,
  SIGNAL_PATH,
  type SignalErrorCode,
} from './signal-message.ts';
export { PROTOCOL_VERSION } from './version.ts';
export { decodeWorkerConfig, WORKER_CONFIG_PREFIX, type WorkerConfig } from './worker-config.ts';
