import type SimplePeer from 'simple-peer/simplepeer.min.js';

export type SimplePeerConstructor = typeof SimplePeer;
export type SimplePeerInstance = SimplePeer;

/** Fetches and evaluates the library: only a tab that has a partner needs it. */
export async function loadSimplePeer(): Promise<SimplePeerConstructor> {
  return (await import('simple-peer/simplepeer.min.js')).default;
}

interface Internals {
  readonly _channel?: RTCDataChannel | null;
  readonly _pc?: RTCPeerConnection | null;
}

/**
 * The channel inside. simple-peer 9 has no public way to it; without it a close could lose data, and a hidden tab's
 * throttled timers would be all that tells when to send on. The version is pinned and a contract test notices a change.
 */
export function dataChannelOf(peer: SimplePeerInstance): RTCDataChannel | undefined {
  return (peer as Internals)._channel ?? undefined;
}

/** The connection inside, while it lives. */
export function connectionOf(peer: SimplePeerInstance): RTCPeerConnection | undefined {
  return (peer as Internals)._pc ?? undefined;
}

const OUR_EVENTS = ['signal', 'connect', 'data', 'close', 'error'] as const;

export function dropListeners(peer: SimplePeerInstance): void {
  for (const name of OUR_EVENTS) peer.removeAllListeners(name);
}

/**
 * Closes the connection and lets go of it: Chromium counts connections until they are garbage-collected, and a handler
 * that is left may keep one alive.
 */
export function endPeer(peer: SimplePeerInstance, connection: RTCPeerConnection | undefined): void {
  dropListeners(peer);
  // An `error` without a listener would be thrown, and destroying may still bring one.
  peer.on('error', () => undefined);
  peer.destroy();
  // The one handler that simple-peer itself forgets.
  if (connection !== undefined) connection.onconnectionstatechange = null;
}
