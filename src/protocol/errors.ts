/** Why bytes or a message from outside were refused. Stable: documented in PROTOCOL.md. */
export const PROTOCOL_ERROR_CODES = [
  'truncated',
  'trailing-bytes',
  'too-large',
  'bad-value',
  'bad-text',
  'unknown-type',
  'unsupported-version',
] as const;
export type ProtocolErrorCode = (typeof PROTOCOL_ERROR_CODES)[number];

/** Bytes or a message from outside that this protocol does not allow. The sender is at fault: never retried. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  readonly code: ProtocolErrorCode;

  constructor(code: ProtocolErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  shouldRetry(): boolean {
    return false;
  }
}
