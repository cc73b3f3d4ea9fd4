import { PROTOCOL_VERSION } from '../../src/protocol/version.ts';

/** One connection of the load, as a dialect needs it. */
export interface Client {
  readonly index: number;
  readonly peers: number;
  /** Peers that it may send to, as the server told. */
  readonly partners: string[];
}

type Heard =
  /** The server has taken the client in. */
  | { readonly type: 'joined'; readonly reply?: string }
  /** Another client's message, with the stamp that it was given. */
  | { readonly type: 'relayed'; readonly stampUs: number };

/** How clients of a kind of server join, and have a message relayed to one other client. */
export interface Dialect {
  greeting(client: Client): string;
  hear(client: Client, text: string): Heard | undefined;
  /** `undefined` while there is nobody to send to. `chance` is in [0, 1). */
  relay(client: Client, stampUs: number, chance: number): string | undefined;
}

export type DialectName = 'tabseed' | 'tracker';

/** Small rooms: bittorrent-tracker forgets all but a thousand peers of a torrent. */
const PEERS_PER_ROOM = 100;
/** An offer with a few candidates has about as many characters. */
const FILL = 'x'.repeat(1000);
/** What a tab that has nobody yet asks for. */
const MATCH_COUNT = 6;
/** What WebTorrent's client sends with an announce. */
const OFFERS = 5;

const tabseed: Dialect = {
  greeting: (client) =>
    JSON.stringify({ type: 'join', version: PROTOCOL_VERSION, room: roomOf(client).toString(16).padStart(64, '0') }),
  hear(client, text) {
    const message = JSON.parse(text) as { type: string; peer: string; signal: { sdp: string } };
    if (message.type === 'welcome') return { type: 'joined', reply: `{"type":"match","count":${MATCH_COUNT}}` };
    if (message.type === 'partner') client.partners.push(message.peer);
    return message.type === 'signal'
      ? { type: 'relayed', stampUs: Number.parseInt(message.signal.sdp, 10) }
      : undefined;
  },
  relay({ partners }, stampUs, chance) {
    const to = partners[Math.floor(chance * partners.length)];
    if (to === undefined) return undefined;
    return JSON.stringify({ type: 'signal', to, signal: { type: 'offer', sdp: `${stampUs} ${FILL}` } });
  },
};

const tracker: Dialect = {
  // Its own client brings offers along, which the server hands to peers of its choice: the counterpart of our match.
  greeting: (client) =>
    announce(client, {
      event: 'started',
      numwant: OFFERS,
      offers: Array.from({ length: OFFERS }, (_, index) => ({
        offer: { type: 'offer', sdp: FILL },
        offer_id: peerId(index),
      })),
    }),
  hear(_, text) {
    const message = JSON.parse(text) as { interval?: number; answer?: { sdp: string } };
    if (message.answer !== undefined) return { type: 'relayed', stampUs: Number.parseInt(message.answer.sdp, 10) };
    return message.interval === undefined ? undefined : { type: 'joined' };
  },
  // An answer is what it relays to a certain peer; an offer goes to anybody.
  relay(client, stampUs, chance) {
    const members = Math.floor((client.peers - 1 - roomOf(client)) / roomCount(client)) + 1;
    const to = roomOf(client) + roomCount(client) * Math.floor(chance * members);
    const answer = { type: 'answer', sdp: `${stampUs} ${FILL}` };
    return announce(client, { to_peer_id: peerId(to), offer_id: peerId(client.index), answer });
  },
};

export const DIALECTS: Readonly<Record<DialectName, Dialect>> = { tabseed, tracker };

function roomCount({ peers }: Client): number {
  return Math.max(1, Math.floor(peers / PEERS_PER_ROOM));
}

function roomOf(client: Client): number {
  return client.index % roomCount(client);
}

function announce(client: Client, fields: object): string {
  const infoHash = String(roomOf(client)).padStart(20, '0');
  return JSON.stringify({
    action: 'announce',
    info_hash: infoHash,
    peer_id: peerId(client.index),
    uploaded: 0,
    downloaded: 0,
    left: 1,
    ...fields,
  });
}

/** Twenty characters. */
function peerId(index: number): string {
  return `-XX0001-${String(index).padStart(12, '0')}`;
}
