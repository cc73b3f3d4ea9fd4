import type { PauseScope } from './api.ts';
import type { ConsentState } from './consent-record.ts';

/** What a browser tells about its line and its battery; what it does not tell is taken for unlimited. */
export interface DeviceFacts {
  /** The user asked sites to save data. */
  readonly saveData: boolean;
  /** `cellular`, `wifi`, `ethernet`, …; `undefined` where the browser does not say. */
  readonly connection: string | undefined;
  /** Runs on a battery that is low. */
  readonly lowBattery: boolean;
}

export const UNKNOWN_DEVICE: DeviceFacts = { saveData: false, connection: undefined, lowBattery: false };

/** All that decides, beside the publisher's settings, what is exchanged with peers. */
export interface Circumstances {
  readonly device: DeviceFacts;
  readonly paused: PauseScope | null;
  readonly consent: ConsentState;
}

/** `none`: no socket to anyone but the origin. `downloads`: peers give to this browser and get nothing. */
export type PeerUse = 'none' | 'downloads' | 'all';

/**
 * What this browser may exchange with peers now. On a line that is paid by the byte there are no peers at all: being
 * connected costs bytes too, and uploads were what people saw on their bills. A low battery saves the uploads, which are
 * for others; a download costs it the same from whomever it comes.
 */
export function peerUse({ device, paused, consent }: Circumstances): PeerUse {
  if (paused === 'all' || consent === 'none' || device.saveData || device.connection === 'cellular') return 'none';
  return paused === 'uploads' || consent === 'downloads' || device.lowBattery ? 'downloads' : 'all';
}

/** Whether the user agreed, where the publisher wants that to be asked. */
export function hasAgreed({ consent }: Circumstances): boolean {
  return consent === 'all' || consent === 'downloads';
}
