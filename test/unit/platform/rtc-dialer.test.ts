import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { rtcDialer } from '../../../src/platform/rtc-dialer.ts';
import type { SimplePeerConstructor } from '../../../src/platform/simple-peer.ts';
import type { PeerSignal } from '../../../src/protocol/signal-message.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

/** Stands for simple-peer where a test says what the library does. */
class ScriptedPeer extends EventEmitter {
  readonly signals: unknown[] = [];
  readonly options: unknown;
  isDestroyed = false;
  bufferSize = 0;
  refuses = false;

  constructor(options: unknown) {
    super();
    this.options = options;
  }

  signal(signal: unknown): void {
    if (this.refuses) throw new TypeError('bad candidate');
    this.signals.push(signal);
  }

  destroy(): void {
    this.isDestroyed = true;
  }
}

function dial(initiator: boolean) {
  const clock = new VirtualClock();
  const peers: ScriptedPeer[] = [];
  class Recorded extends ScriptedPeer {
    constructor(options: unknown) {
      super(options);
      peers.push(this);
    }
  }
  const sent: PeerSignal[] = [];
  const events: string[] = [];
  const dialer = rtcDialer({ load: () => Promise.resolve(Recorded as unknown as SimplePeerConstructor), clock });
  const dialing = dialer.dial(
    { peer: '1'.repeat(32), initiator, iceServers: [{ urls: ['stun:ours.example'] }] },
    {
      onSignal: (signal) => sent.push(signal),
      onOpen: () => events.push('open'),
      onFailed: (reason) => events.push(`failed: ${reason}`),
    },
  );
  return { clock, dialing, peers, sent, events };
}

const CANDIDATE = { type: 'candidate', candidate: 'candidate:1', sdpMid: '0', sdpMLineIndex: 0 } as const;
const LIBRARY_CANDIDATE = {
  type: 'candidate',
  candidate: { candidate: 'candidate:1', sdpMid: '0', sdpMLineIndex: 0 },
};

describe('the dialer', () => {
  it('names our ICE servers and no others, and loads the library once a partner is named', async () => {
    const { clock, peers } = dial(true);
    expect(peers).toHaveLength(0);
    await clock.advance(0);
    expect(peers[0]?.options).toMatchObject({
      trickle: true,
      channelConfig: { negotiated: true, id: 0 },
      config: { iceServers: [{ urls: ['stun:ours.example'] }] },
    });
  });

  it('lets descriptions and candidates out and nothing else', async () => {
    const { clock, peers, sent } = dial(true);
    await clock.advance(0);
    for (const data of [
      { type: 'offer', sdp: 'v=0' },
      LIBRARY_CANDIDATE,
      { type: 'renegotiate', renegotiate: true },
      { type: 'transceiverRequest', transceiverRequest: { kind: 'video' } },
      { type: 'candidate', candidate: { candidate: 'x'.repeat(5000) } },
      { type: 'offer', sdp: 'x'.repeat(100_000) },
    ]) {
      peers[0]?.emit('signal', data);
    }
    expect(sent).toEqual([{ type: 'offer', sdp: 'v=0' }, CANDIDATE]);
  });

  it('lets in one description of the expected type and a bounded number of candidates', async () => {
    const { clock, dialing, peers } = dial(false);
    dialing.handleSignal(CANDIDATE);
    dialing.handleSignal({ type: 'answer', sdp: 'not expected' });
    dialing.handleSignal({ type: 'offer', sdp: 'first' });
    await clock.advance(0);
    dialing.handleSignal({ type: 'offer', sdp: 'a renegotiation' });
    expect(peers[0]?.signals).toEqual([LIBRARY_CANDIDATE, { type: 'offer', sdp: 'first' }]);
    for (let count = 0; count < 1000; count += 1) dialing.handleSignal(CANDIDATE);
    expect(peers[0]?.signals).toHaveLength(65);
  });

  it('fails once after 15 s, lets go of the connection and hears nothing more of it', async () => {
    const { clock, dialing, peers, events, sent } = dial(true);
    await clock.advance(14_999);
    expect(events).toEqual([]);
    await clock.advance(1);
    expect(events).toEqual(['failed: timed out']);
    const [peer] = peers;
    expect(peer?.isDestroyed).toBe(true);
    expect(peer?.listenerCount('signal')).toBe(0);
    peer?.emit('error', new Error('late'));
    peer?.emit('connect');
    dialing.handleSignal({ type: 'answer', sdp: '' });
    await clock.advance(60_000);
    expect([events.length, sent.length, peer?.signals.length]).toEqual([1, 0, 0]);
  });

  it('fails when the library reports an error, closes, or refuses a signal', async () => {
    for (const [end, reason] of [
      [(peer: ScriptedPeer) => peer.emit('error', new Error('Ice connection failed.')), 'Ice connection failed.'],
      [(peer: ScriptedPeer) => peer.emit('close'), 'closed before it was open'],
    ] as const) {
      const { clock, peers, events } = dial(true);
      await clock.advance(0);
      end(peers[0] as ScriptedPeer);
      expect(events).toEqual([`failed: ${reason}`]);
    }
    const { clock, dialing, peers, events } = dial(false);
    await clock.advance(0);
    (peers[0] as ScriptedPeer).refuses = true;
    dialing.handleSignal(CANDIDATE);
    expect(events).toEqual(['failed: signal refused: TypeError: bad candidate']);
  });

  it('says nothing after a close, also when the library comes later', async () => {
    const { clock, dialing, peers, events } = dial(true);
    dialing.close();
    await clock.advance(60_000);
    expect([peers.length, events.length]).toEqual([0, 0]);
  });

  it('fails when the library cannot be loaded, and loads it again for the next partner', async () => {
    const clock = new VirtualClock();
    let loads = 0;
    const load = (): Promise<SimplePeerConstructor> => {
      loads += 1;
      return Promise.reject(new TypeError('offline'));
    };
    const dialer = rtcDialer({ load, clock });
    const reasons: string[] = [];
    for (const peer of ['1', '2']) {
      dialer.dial(
        { peer: peer.repeat(32), initiator: true, iceServers: [] },
        { onSignal: () => undefined, onOpen: () => undefined, onFailed: (reason) => reasons.push(reason) },
      );
      await clock.advance(0);
    }
    expect([loads, reasons.length]).toEqual([2, 2]);
  });
});
