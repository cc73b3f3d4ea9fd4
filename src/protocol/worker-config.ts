import { isSha256, type Sha256 } from './identifier.ts';
import { MAX_SIGNATURES } from './limits.ts';
import { asA, asFields, asFlag, asLabel, asList } from './shape.ts';

/**
 * What the publisher writes in front of the worker script: all in which two deployments' workers differ. It is the root
 * of trust: a pointer counts if one of these keys signed it.
 */
export interface WorkerConfig {
  readonly app: string;
  readonly channel: string;
  /** Ed25519 public keys, raw 32 bytes in hex. */
  readonly keys: readonly Sha256[];
  /** Signed with a development key: runs on loopback hosts only. */
  readonly development: boolean;
}

/** The config's line in the worker script: `self.__tabseed={…};` and a line feed, the first line of the file. */
export const WORKER_CONFIG_PREFIX = 'self.__tabseed=';

/** @throws ProtocolError */
export function decodeWorkerConfig(value: unknown): WorkerConfig {
  const fields = asFields(value, 'worker config');
  return {
    app: asLabel(fields.app, 'app'),
    channel: asLabel(fields.channel, 'channel'),
    keys: asList(fields.keys, 'keys', MAX_SIGNATURES, (key) => asA(key, 'key', isSha256)),
    development: asFlag(fields.development, 'development'),
  };
}
