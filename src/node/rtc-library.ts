import type { Clock, Dialer } from '../core/ports.ts';
import { rtcDialer } from '../platform/rtc-dialer.ts';
import { loadSimplePeer } from '../platform/simple-peer.ts';
import { dataChannelDialer } from './datachannel-dialer.ts';

/** WebRTC for Node: `datachannel` is `node-datachannel`, `wrtc` is `@roamhq/wrtc`. */
export type RtcLibrary = 'datachannel' | 'wrtc';

/** bench/node-rtc measures both. */
export const DEFAULT_RTC_LIBRARY: RtcLibrary = 'datachannel';

/** Loads only the library that is named: each brings threads and some 20 MB of native code. */
export async function loadDialer(library: RtcLibrary, clock: Clock): Promise<Dialer> {
  switch (library) {
    case 'datachannel':
      return dataChannelDialer((await import('node-datachannel')).default, clock);
    case 'wrtc': {
      const { default: wrtc } = await import('@roamhq/wrtc');
      return rtcDialer({ load: loadSimplePeer, wrtc, clock });
    }
    default:
      return library satisfies never;
  }
}
