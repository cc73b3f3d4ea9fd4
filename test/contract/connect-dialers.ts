import type { Dialer, DialHandlers, Dialing, PeerLink } from '../../src/core/ports.ts';
import type { PeerSignal } from '../../src/protocol/signal-message.ts';

const LEFT = '1'.repeat(32);
const RIGHT = '2'.repeat(32);

/** Connects two dialers with signals that pass through JSON, as over a server. `left` is the initiator. */
export function connectDialers(left: Dialer, right: Dialer): Promise<[PeerLink, PeerLink]> {
  return new Promise((resolve, reject) => {
    const links: { left?: PeerLink; right?: PeerLink } = {};
    const ends: { left?: Dialing; right?: Dialing } = {};
    const handlers = (near: 'left' | 'right', far: 'left' | 'right'): DialHandlers => ({
      onSignal: (signal) => {
        const copy = JSON.parse(JSON.stringify(signal)) as PeerSignal;
        queueMicrotask(() => ends[far]?.handleSignal(copy));
      },
      onOpen: (link) => {
        links[near] = link;
        if (links.left !== undefined && links.right !== undefined) resolve([links.left, links.right]);
      },
      onFailed: (reason) => reject(new Error(`${near}: ${reason}`)),
    });
    ends.left = left.dial({ peer: RIGHT, initiator: true, iceServers: [] }, handlers('left', 'right'));
    ends.right = right.dial({ peer: LEFT, initiator: false, iceServers: [] }, handlers('right', 'left'));
  });
}
