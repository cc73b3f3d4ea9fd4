import type { Signaling } from '../core/ports.ts';
import type { RtcDialer } from '../platform/rtc-dialer.ts';

/** For browsers without RTCPeerConnection: no connection is asked for, so that no server is contacted in vain. */
export function noSignaling(): Signaling {
  const nothing = (): void => undefined;
  return {
    // The engine must not wait for introductions that never come.
    open: (handlers) => queueMicrotask(() => handlers.onDown('no RTCPeerConnection')),
    send: nothing,
    match: nothing,
    unmatch: nothing,
    want: nothing,
    close: () => Promise.resolve(),
  };
}

/** Connects to nobody. The engine then fills every want from the store and the origin, once for all tabs. */
export function noDialer(): RtcDialer {
  return {
    cut: () => undefined,
    dial(_request, handlers) {
      let closed = false;
      queueMicrotask(() => {
        if (!closed) handlers.onFailed('no RTCPeerConnection');
      });
      return {
        handleSignal: () => undefined,
        close: () => {
          closed = true;
        },
      };
    },
  };
}
