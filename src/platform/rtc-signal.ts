import { MAX_CANDIDATE_CHARACTERS, MAX_SDP_CHARACTERS } from '../protocol/limits.ts';
import type { PeerSignal } from '../protocol/signal-message.ts';

type Candidate = Extract<PeerSignal, { type: 'candidate' }>;

/** The fields that simple-peer's signals may have; which of them depends on the type. */
interface LibrarySignal {
  readonly type?: unknown;
  readonly sdp?: unknown;
  readonly candidate?: Partial<Record<'candidate' | 'sdpMid' | 'sdpMLineIndex', unknown>>;
}

/**
 * What simple-peer wants to tell the other side, or `undefined` for what must not leave: `renegotiate`,
 * `transceiverRequest`, and what no peer would accept.
 */
export function signalFromLibrary(data: unknown): PeerSignal | undefined {
  const { type, sdp, candidate } = data as LibrarySignal;
  if (type === 'offer' || type === 'answer') {
    return typeof sdp === 'string' && sdp.length <= MAX_SDP_CHARACTERS ? { type, sdp } : undefined;
  }
  if (type !== 'candidate' || typeof candidate?.candidate !== 'string') return undefined;
  if (candidate.candidate.length > MAX_CANDIDATE_CHARACTERS) return undefined;
  const { sdpMid, sdpMLineIndex } = candidate;
  return {
    type,
    candidate: candidate.candidate,
    sdpMid: typeof sdpMid === 'string' ? sdpMid : null,
    sdpMLineIndex: typeof sdpMLineIndex === 'number' ? sdpMLineIndex : null,
  };
}

/** simple-peer nests a candidate in its message, in the form of `RTCIceCandidate.toJSON`. */
export function candidateToLibrary({ candidate, sdpMid, sdpMLineIndex }: Candidate): object {
  return { type: 'candidate', candidate: { candidate, sdpMid, sdpMLineIndex } };
}
