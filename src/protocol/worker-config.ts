import { ProtocolError } from './errors.ts';
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

/** The same line of a retired app, whose worker only removes itself. */
export const RETIRED_CONFIG_PREFIX = 'self.__tabseedRetired=';

/** What the first line of a worker script says. @throws ProtocolError */
export function decodeWorkerScript(script: string): { readonly config: WorkerConfig; readonly isRetired: boolean } {
  const [line = ''] = script.split('\n', 1);
  const prefix = [WORKER_CONFIG_PREFIX, RETIRED_CONFIG_PREFIX].find((known) => line.startsWith(known));
  if (prefix === undefined || !line.endsWith(';')) {
    throw new ProtocolError('bad-value', 'no config in the first line of the worker script');
  }
  let value: unknown;
  try {
    value = JSON.parse(line.slice(prefix.length, -1));
  } catch (cause) {
    throw new ProtocolError('bad-text', 'the worker script has a config that is not JSON', { cause });
  }
  return { config: decodeWorkerConfig(value), isRetired: prefix === RETIRED_CONFIG_PREFIX };
}
