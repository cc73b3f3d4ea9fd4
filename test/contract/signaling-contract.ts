import type { Signaling, SignalingHandlers } from '../../src/core/ports.ts';
import type { PeerId } from '../../src/protocol/identifier.ts';
import type { Lease, PeerSignal } from '../../src/protocol/signal-message.ts';
import { type ContractCase, equal, ok, Signal } from './contract.ts';

export interface SignalingSubject {
  /** A new client of room ROOM_A or ROOM_B. */
  readonly signaling: (room: string) => Signaling;
  readonly goDown: () => Promise<void>;
  readonly comeUp: () => Promise<void>;
}

export const ROOM_A = 'a'.repeat(64);
const ROOM_B = 'b'.repeat(64);
export const ICE_SERVERS = [{ urls: ['turn:turn.example'], username: 'u', credential: 'c' }];

type Event =
  | ['welcome', PeerId, unknown]
  | ['partner', PeerId, boolean]
  | ['signal', PeerId, PeerSignal]
  | ['gone', PeerId]
  | ['leases', readonly Lease[]]
  | ['down'];

/** A client that writes down what it hears. */
class Client implements SignalingHandlers {
  readonly signaling: Signaling;
  #events: Event[] = [];
  #next = new Signal();

  constructor(signaling: Signaling) {
    this.signaling = signaling;
    signaling.open(this);
  }

  /** The next event; its kind must be this one. */
  async expect<Kind extends Event[0]>(kind: Kind): Promise<Extract<Event, [Kind, ...unknown[]]>> {
    while (this.#events.length === 0) await this.#next.promise;
    const event = this.#events.shift();
    equal(event?.[0], kind, 'event');
    return event as Extract<Event, [Kind, ...unknown[]]>;
  }

  get isQuiet(): boolean {
    return this.#events.length === 0;
  }

  onWelcome({ peer, iceServers }: { peer: PeerId; iceServers: unknown }): void {
    this.#add(['welcome', peer, iceServers]);
  }

  onPartner({ peer, initiator }: { peer: PeerId; initiator: boolean }): void {
    this.#add(['partner', peer, initiator]);
  }

  onSignal(from: PeerId, signal: PeerSignal): void {
    this.#add(['signal', from, signal]);
  }

  onGone(peer: PeerId): void {
    this.#add(['gone', peer]);
  }

  onLeases(leases: readonly Lease[]): void {
    this.#add(['leases', leases]);
  }

  onDown(): void {
    this.#add(['down']);
  }

  #add(event: Event): void {
    this.#events.push(event);
    this.#next.resolve();
    this.#next = new Signal();
  }
}

async function join(subject: SignalingSubject, room = ROOM_A): Promise<{ client: Client; id: PeerId }> {
  const client = new Client(subject.signaling(room));
  const [, id] = await client.expect('welcome');
  return { client, id };
}

async function pair(
  subject: SignalingSubject,
): Promise<[{ client: Client; id: PeerId }, { client: Client; id: PeerId }]> {
  const [left, right] = [await join(subject), await join(subject)];
  left.client.signaling.match(1);
  await left.client.expect('partner');
  await right.client.expect('partner');
  return [left, right];
}

export const signalingContract: readonly ContractCase<SignalingSubject>[] = [
  {
    name: 'welcomes each client with an id of its own and the ICE servers',
    run: async (subject) => {
      const one = new Client(subject.signaling(ROOM_A));
      const two = new Client(subject.signaling(ROOM_A));
      const [, first, iceServers] = await one.expect('welcome');
      const [, second] = await two.expect('welcome');
      ok(first !== second && /^[0-9a-f]{32}$/.test(first), 'two peer ids');
      equal(iceServers, ICE_SERVERS);
      await Promise.all([one.signaling.close(), two.signaling.close()]);
    },
  },
  {
    name: 'introduces two of one room, one of them as the initiator, and nobody of another room',
    run: async (subject) => {
      const [left, right, stranger] = [await join(subject), await join(subject), await join(subject, ROOM_B)];
      left.client.signaling.match(5);
      const [, partnerOfLeft, leftInitiates] = await left.client.expect('partner');
      const [, partnerOfRight, rightInitiates] = await right.client.expect('partner');
      equal([partnerOfLeft, partnerOfRight], [right.id, left.id]);
      ok(leftInitiates !== rightInitiates, 'exactly one initiates');
      ok(left.client.isQuiet && stranger.client.isQuiet, 'nobody else was introduced');
      await Promise.all([left, right, stranger].map(({ client }) => client.signaling.close()));
    },
  },
  {
    name: 'relays offers, answers and candidates in order',
    run: async (subject) => {
      const [left, right] = await pair(subject);
      const signals: PeerSignal[] = [
        { type: 'offer', sdp: 'v=0 …' },
        { type: 'candidate', candidate: 'candidate:1', sdpMid: '0', sdpMLineIndex: 0 },
        { type: 'candidate', candidate: '', sdpMid: null, sdpMLineIndex: null },
      ];
      for (const signal of signals) left.client.signaling.send(right.id, signal);
      for (const signal of signals) equal(await right.client.expect('signal'), ['signal', left.id, signal]);
      right.client.signaling.send(left.id, { type: 'answer', sdp: 'v=0' });
      equal(await left.client.expect('signal'), ['signal', right.id, { type: 'answer', sdp: 'v=0' }]);
      await Promise.all([left.client.signaling.close(), right.client.signaling.close()]);
    },
  },
  {
    name: 'tells the partner that a match was dissolved or a client has left',
    run: async (subject) => {
      const [left, right] = await pair(subject);
      left.client.signaling.unmatch(right.id);
      equal(await right.client.expect('gone'), ['gone', left.id]);
      left.client.signaling.match(1);
      await left.client.expect('partner');
      await right.client.expect('partner');
      await left.client.signaling.close();
      equal(await right.client.expect('gone'), ['gone', left.id]);
      await right.client.signaling.close();
    },
  },
  {
    name: 'grants what is wanted to one client at a time, and to another when the first has left',
    run: async (subject) => {
      const [left, right] = await pair(subject);
      const want = { leases: 2, packs: [{ pack: 'c'.repeat(64), units: '01' }] };
      const lease = { pack: 'c'.repeat(64), unit: 0 };
      left.client.signaling.want(want);
      equal(await left.client.expect('leases'), ['leases', [lease]]);
      right.client.signaling.want(want);
      // What the right one is told next comes after its wish was heard.
      right.client.signaling.send(left.id, { type: 'offer', sdp: 'v=0' });
      await left.client.expect('signal');
      ok(right.client.isQuiet, 'the unit is granted once');
      await left.client.signaling.close();
      equal(await right.client.expect('gone'), ['gone', left.id]);
      equal(await right.client.expect('leases'), ['leases', [lease]]);
      await right.client.signaling.close();
    },
  },
  {
    name: 'says once that the server is away, loses what is sent meanwhile, and comes back under a new id',
    run: async (subject) => {
      const { client, id } = await join(subject);
      await subject.goDown();
      await client.expect('down');
      client.signaling.match(1);
      client.signaling.unmatch(id);
      client.signaling.send(id, { type: 'offer', sdp: '' });
      await subject.comeUp();
      const [, again] = await client.expect('welcome');
      ok(again !== id, 'the id is a new one');
      await client.signaling.close();
    },
  },
  {
    name: 'says that a server was never there, and finds it when it comes',
    run: async (subject) => {
      await subject.goDown();
      const client = new Client(subject.signaling(ROOM_A));
      await client.expect('down');
      await subject.comeUp();
      await client.expect('welcome');
      await client.signaling.close();
    },
  },
  {
    name: 'is silent after close, which also ends an attempt under way',
    run: async (subject) => {
      const early = new Client(subject.signaling(ROOM_A));
      await early.signaling.close();
      const { client } = await join(subject);
      await client.signaling.close();
      client.signaling.match(1);
      await subject.goDown();
      await subject.comeUp();
      const { client: witness } = await join(subject);
      await witness.signaling.close();
      ok(early.isQuiet && client.isQuiet, 'no event after close');
    },
  },
];
