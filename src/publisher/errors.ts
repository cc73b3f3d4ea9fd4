/** What stopped a publish; each is explained in ARCHITECTURE.md. */
export type PublishErrorCode =
  /** SRC is not a folder that can be read. */
  | 'source-missing'
  /** SRC has no file to publish. */
  | 'source-empty'
  /** A symbolic link leads out of SRC, nowhere, or into itself. */
  | 'source-link'
  /** A file or folder of SRC cannot be read, or is a device, socket or pipe. */
  | 'source-unreadable'
  /** A name in SRC cannot be part of a URL. */
  | 'source-path'
  /** A name in SRC is one that Tabseed writes itself. */
  | 'source-reserved'
  /** A file of SRC changed while it was read. */
  | 'source-changed'
  /** A file with a Content-Encoding header does not decode. */
  | 'source-encoding'
  /** OUT lies in SRC, or SRC in OUT. */
  | 'folders-nested'
  /** OUT cannot be written, or is a file. */
  | 'out-unwritable'
  /** OUT has files but no release. */
  | 'out-foreign'
  /** The release in OUT is damaged. */
  | 'out-damaged'
  /** The release in OUT is signed by another key. */
  | 'out-other-key'
  /** The release in OUT is of another app or channel. */
  | 'out-other-app'
  /** `--previous` is given and OUT has files. */
  | 'out-not-empty'
  /** There is no answer from where `--previous` leads. */
  | 'previous-unreachable'
  /** There is an answer, but no release. */
  | 'previous-missing'
  /** The release of `--previous` is damaged. */
  | 'previous-damaged'
  /** The release of `--previous` is signed by another key. */
  | 'previous-other-key'
  /** The release of `--previous` is of another app or channel. */
  | 'previous-other-app'
  /** The sequence asked for is not above that of the previous release. */
  | 'sequence-low'
  /** The headers file has a syntax error, named by its line. */
  | 'headers-syntax'
  /** The key is not an Ed25519 private key in PEM. */
  | 'key-invalid'
  /** An option has a value that no release can have. */
  | 'option-invalid'
  /** The release exceeds a limit of the protocol. */
  | 'release-too-large'
  /** There is no release of this number or hash to go back to. */
  | 'rollback-unknown'
  /** A pack of the release to go back to is missing or damaged. */
  | 'rollback-incomplete'
  /** The built client or worker script is missing. */
  | 'scripts-missing';

/** A publish did not happen; OUT is as it was. The message is one line and says what to do. */
export class PublishError extends Error {
  override readonly name = 'PublishError';
  readonly code: PublishErrorCode;

  constructor(code: PublishErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** True when the same call may succeed later without a change by the user. */
  shouldRetry(): boolean {
    return this.code === 'source-changed' || this.code === 'previous-unreachable';
  }
}

/** Errno of a failed system call, such as `ENOENT`; `undefined` for any other error. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
