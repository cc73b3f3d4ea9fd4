import { MAX_SEQUENCE, type Pointer } from '../protocol/pointer.ts';
import type { WorkerConfig } from '../protocol/worker-config.ts';

export type PointerRefusal =
  | 'wrong-app'
  | 'wrong-channel'
  /** Its time is over: nothing is installed from it, and nothing is wiped. */
  | 'expired'
  /** It names a release that it withdraws itself. */
  | 'below-floor'
  /** Its sequence leaves no room for a successor. */
  | 'sequence-too-high';

export type PointerJudgement =
  | 'install'
  /** The known release, signed again with a later end: the pointer is kept, there is nothing to install. */
  | 'renewal'
  | 'no-news'
  | PointerRefusal;

/** Clocks of visitors are wrong by hours and by days around their time zone; refusing an update harms more. */
export const EXPIRY_TOLERANCE_SECONDS = 48 * 60 * 60;

export interface PointerContext {
  readonly config: WorkerConfig;
  /** The newest pointer that was verified and kept. */
  readonly known: Pointer | undefined;
  readonly nowSeconds: number;
}

/** Decides about a pointer whose signature fits. A lower sequence is an old copy from some cache, not an attack: no news. */
export function judgePointer(pointer: Pointer, { config, known, nowSeconds }: PointerContext): PointerJudgement {
  if (pointer.app !== config.app) return 'wrong-app';
  if (pointer.channel !== config.channel) return 'wrong-channel';
  const isRenewal = known !== undefined && isRenewalOf(pointer, known);
  if (known !== undefined && pointer.sequence <= known.sequence && !isRenewal) return 'no-news';
  if (pointer.sequence > MAX_SEQUENCE) return 'sequence-too-high';
  if (nowSeconds > pointer.expires + EXPIRY_TOLERANCE_SECONDS) return 'expired';
  const floor = Math.max(pointer.minimumSequence, known?.minimumSequence ?? 0);
  if (pointer.sequence < floor) return 'below-floor';
  return isRenewal ? 'renewal' : 'install';
}

/** A floor that was raised does not come down again, whatever is signed. */
function isRenewalOf(pointer: Pointer, known: Pointer): boolean {
  return (
    pointer.sequence === known.sequence &&
    pointer.manifestHash === known.manifestHash &&
    pointer.expires > known.expires &&
    pointer.minimumSequence >= known.minimumSequence
  );
}
