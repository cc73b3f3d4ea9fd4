/** Lower-case hex of a SHA-256: 64 characters. */
export type Sha256 = string;
/** SHA-256 of a chunk's plain bytes. */
export type ChunkId = Sha256;
/** SHA-256 of a pack's bytes. */
export type PackId = Sha256;
/** Issued by the signaling server for one connection: 32 lower-case hex characters. */
export type PeerId = string;

/** Of one engine's life, chosen by itself: 32 lower-case hex characters. A peer id changes with each reconnect, this stays. */
export type InstanceId = string;

const SHA256_PATTERN = /^[0-9a-f]{64}$/;
const PEER_ID_PATTERN = /^[0-9a-f]{32}$/;

export function isSha256(value: unknown): value is Sha256 {
  return typeof value === 'string' && SHA256_PATTERN.test(value);
}

export function isPeerId(value: unknown): value is PeerId {
  return typeof value === 'string' && PEER_ID_PATTERN.test(value);
}
