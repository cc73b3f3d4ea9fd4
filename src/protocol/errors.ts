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

/** Says by a stable code what failed. */
export class CodedError<Code extends string> extends Error {
  readonly code: Code;

  constructor(code: Code, message?: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Bytes or a message from outside that this protocol does not allow. The sender is at fault: never retried. */
export class ProtocolError extends CodedError<ProtocolErrorCode> {
  override readonly name = 'ProtocolError';

  shouldRetry(): boolean {
    return false;
  }
}
