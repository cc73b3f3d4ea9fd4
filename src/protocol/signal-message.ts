import { ProtocolError } from './errors.ts';
import { isPeerId, isSha256, type PackId, type PeerId, type Sha256 } from './identifier.ts';
import { readUnits } from './lease-units.ts';
import * as limits from './limits.ts';
import { asA, asCount, asFields, asFlag, asList, asOneOf, asText, type Fields, parseFields } from './shape.ts';

/** What one peer tells another through the signaling server: nothing else reaches the WebRTC library. */
export type PeerSignal =
  | { readonly type: 'offer' | 'answer'; readonly sdp: string }
  | {
      readonly type: 'candidate';
      readonly candidate: string;
      readonly sdpMid: string | null;
      readonly sdpMLineIndex: number | null;
    };

/** Whom a peer meets: those behind its own network exit, or (where nothing is said) everybody in the room. */
export type Reach = 'site' | 'any';
const REACHES: readonly Reach[] = ['site', 'any'];

interface Heartbeat {
  readonly type: 'heartbeat';
}

/** Client → server, JSON text, at most MAX_SIGNAL_MESSAGE_BYTES. */
export type ClientSignalMessage =
  /** First message of a connection. `room` is SHA-256 of app, keys, channel and group (PROTOCOL.md). */
  | {
      readonly type: 'join';
      readonly version: number;
      readonly room: Sha256;
      readonly reach?: Reach;
      /** It is always there, and gives: a Node peer. */
      readonly seed?: boolean;
    }
  /**
   * Asks to be introduced to up to `count` more peers. `partners`: to how many it is connected, those of dissolved
   * matches among them; it is not given more than are good beside them.
   */
  | { readonly type: 'match'; readonly count: number; readonly partners?: number }
  | { readonly type: 'signal'; readonly to: PeerId; readonly signal: PeerSignal }
  /** The connection to this partner ended or never came about: the match is dissolved. */
  | { readonly type: 'unmatch'; readonly peer: PeerId }
  /**
   * All that this peer needs and no partner of its has, and how many leases it would hold. Replaces its last `want`: a
   * unit that is missing in it is with this peer, or with a partner.
   */
  | { readonly type: 'want'; readonly leases: number; readonly packs: readonly WantedUnits[] }
  /** Answered by the same: a page cannot see WebSocket's own pings, and a dead connection stays open for it for hours. */
  | Heartbeat;

/** `CHUNKS_PER_LEASE` consecutive chunks of a pack are a unit, counted from 0; the last may be shorter. */
export interface WantedUnits {
  readonly pack: PackId;
  /** A bit field in hex, `lease-units.ts`. */
  readonly units: string;
}

/** The right to be the one that fetches this unit from the origin. */
export interface Lease {
  readonly pack: PackId;
  readonly unit: number;
}

/** Server → client, JSON text. */
export type ServerSignalMessage =
  | { readonly type: 'welcome'; readonly peer: PeerId; readonly iceServers: readonly IceServer[] }
  /** Connect to this peer; exactly one of the two is the initiator. */
  | { readonly type: 'partner'; readonly peer: PeerId; readonly initiator: boolean }
  | { readonly type: 'signal'; readonly from: PeerId; readonly signal: PeerSignal }
  /** In addition to those that the peer holds. */
  | { readonly type: 'leases'; readonly leases: readonly Lease[] }
  /** The partner left the server or dissolved the match. A connection that is open stays. */
  | { readonly type: 'gone'; readonly peer: PeerId }
  | Heartbeat
  /** The server closes the connection after it. */
  | { readonly type: 'error'; readonly code: SignalErrorCode; readonly message: string };

export interface IceServer {
  readonly urls: readonly string[];
  readonly username?: string;
  readonly credential?: string;
}

export const SIGNAL_ERROR_CODES = [
  'bad-message',
  'unsupported-version',
  'join-timeout',
  'rate-limited',
  'room-full',
  'shutting-down',
] as const;
export type SignalErrorCode = (typeof SIGNAL_ERROR_CODES)[number];

/** Path of the signaling endpoint, relative to the scope. */
export const SIGNAL_PATH = 'tabseed/signal';

/** Parses one message of a client. @throws ProtocolError */
export function decodeClientSignalMessage(text: string): ClientSignalMessage {
  const fields = parse(text);
  switch (fields.type) {
    case 'join':
      return {
        type: 'join',
        version: asCount(fields.version, 'version'),
        room: asA(fields.room, 'room', isSha256),
        ...(fields.reach === undefined ? {} : { reach: asOneOf(fields.reach, 'reach', REACHES) }),
        ...(fields.seed === undefined ? {} : { seed: asFlag(fields.seed, 'seed') }),
      };
    case 'match':
      return {
        type: 'match',
        count: asCount(fields.count, 'count', limits.MAX_MATCH_COUNT),
        ...(fields.partners === undefined ? {} : { partners: asCount(fields.partners, 'partners') }),
      };
    case 'signal':
      return { type: 'signal', to: asA(fields.to, 'to', isPeerId), signal: decodePeerSignal(fields.signal) };
    case 'unmatch':
      return { type: 'unmatch', peer: asA(fields.peer, 'peer', isPeerId) };
    case 'want':
      return {
        type: 'want',
        leases: asCount(fields.leases, 'leases', limits.MAX_LEASES),
        packs: asList(fields.packs, 'packs', limits.MAX_PACKS_PER_WANT, decodeWantedUnits),
      };
    case 'heartbeat':
      return { type: 'heartbeat' };
    default:
      throw new ProtocolError('unknown-type', 'signaling message of a client');
  }
}

/** Parses one message of the server. @throws ProtocolError */
export function decodeServerSignalMessage(text: string): ServerSignalMessage {
  const fields = parse(text);
  switch (fields.type) {
    case 'welcome':
      return {
        type: 'welcome',
        peer: asA(fields.peer, 'peer', isPeerId),
        iceServers: asList(fields.iceServers, 'iceServers', limits.MAX_ICE_SERVERS, decodeIceServer),
      };
    case 'partner':
      return {
        type: 'partner',
        peer: asA(fields.peer, 'peer', isPeerId),
        initiator: asFlag(fields.initiator, 'initiator'),
      };
    case 'signal':
      return { type: 'signal', from: asA(fields.from, 'from', isPeerId), signal: decodePeerSignal(fields.signal) };
    case 'leases':
      return { type: 'leases', leases: asList(fields.leases, 'leases', limits.MAX_LEASES, decodeLease) };
    case 'gone':
      return { type: 'gone', peer: asA(fields.peer, 'peer', isPeerId) };
    case 'heartbeat':
      return { type: 'heartbeat' };
    case 'error':
      return {
        type: 'error',
        code: asOneOf(fields.code, 'code', SIGNAL_ERROR_CODES),
        message: asText(fields.message, 'message', limits.MAX_REASON_CHARACTERS),
      };
    default:
      throw new ProtocolError('unknown-type', 'signaling message of the server');
  }
}

function parse(text: string): Fields {
  if (text.length > limits.MAX_SIGNAL_MESSAGE_BYTES) throw new ProtocolError('too-large', 'signaling message');
  return parseFields(text, 'message');
}

function decodeWantedUnits(value: unknown): WantedUnits {
  const fields = asFields(value, 'wanted units');
  const units = asText(fields.units, 'units', limits.MAX_LEASE_UNITS_PER_PACK / 4);
  readUnits(units);
  return { pack: asA(fields.pack, 'pack', isSha256), units };
}

function decodeLease(value: unknown): Lease {
  const fields = asFields(value, 'lease');
  return {
    pack: asA(fields.pack, 'pack', isSha256),
    unit: asCount(fields.unit, 'unit', limits.MAX_LEASE_UNITS_PER_PACK - 1),
  };
}

function decodePeerSignal(value: unknown): PeerSignal {
  const fields = asFields(value, 'signal');
  switch (fields.type) {
    case 'offer':
    case 'answer':
      return { type: fields.type, sdp: asText(fields.sdp, 'sdp', limits.MAX_SDP_CHARACTERS) };
    case 'candidate':
      return {
        type: 'candidate',
        candidate: asText(fields.candidate, 'candidate', limits.MAX_CANDIDATE_CHARACTERS),
        sdpMid: fields.sdpMid === null ? null : asText(fields.sdpMid, 'sdpMid', limits.MAX_MID_CHARACTERS),
        sdpMLineIndex:
          fields.sdpMLineIndex === null ? null : asCount(fields.sdpMLineIndex, 'sdpMLineIndex', limits.MAX_MLINE_INDEX),
      };
    default:
      throw new ProtocolError('unknown-type', 'signal');
  }
}

function decodeIceServer(value: unknown): IceServer {
  const fields = asFields(value, 'ICE server');
  const urls = asList(fields.urls, 'urls', limits.MAX_URLS_PER_ICE_SERVER, asIceUrl);
  if (urls.length === 0) throw new ProtocolError('bad-value', 'ICE server without a URL');
  return {
    urls,
    ...(fields.username === undefined
      ? {}
      : { username: asText(fields.username, 'username', limits.MAX_URL_CHARACTERS) }),
    ...(fields.credential === undefined
      ? {}
      : { credential: asText(fields.credential, 'credential', limits.MAX_URL_CHARACTERS) }),
  };
}

/** RTCPeerConnection throws on other schemes: one bad entry of a server must not cost every connection. */
function asIceUrl(value: unknown): string {
  const url = asText(value, 'url', limits.MAX_URL_CHARACTERS);
  if (!/^(?:stuns?|turns?):/.test(url)) throw new ProtocolError('bad-value', 'ICE server URL');
  return url;
}
