/** What is wrong with a published folder; each is explained in ARCHITECTURE.md. */
export type DamageCode =
  /** A file that the release or the deploy list names is not there. */
  | 'file-missing'
  /** There, but it cannot be read. */
  | 'file-unreadable'
  /** Its bytes are not those that the release names. */
  | 'file-differs'
  /** A chunk in a pack does not decode, or is another one. */
  | 'chunk-wrong'
  /** A delta or manifest patch does not make what it is for out of the earlier release. */
  | 'patch-wrong'
  /** The worker script has no config that browsers accept. */
  | 'worker-wrong'
  /** The pointer is not one, or a value in it is refused by browsers. */
  | 'pointer-wrong'
  /** No key of the worker script, or not the one given, signed the pointer. */
  | 'signature-wrong'
  /** Worker script, pointer and manifest are not of one app, channel or sequence. */
  | 'parts-differ'
  /** The manifest is not the one that the pointer names, or browsers cannot read it. */
  | 'manifest-wrong'
  /** Browsers install nothing from it any more. */
  | 'release-expired'
  /** `deploy.json` does not fit the release. */
  | 'deploy-list-wrong';

/** One thing that is wrong with a file of a published folder. */
export class DamageError extends Error {
  override readonly name = 'DamageError';
  readonly code: DamageCode;
  /** In the folder. */
  readonly path: string;

  constructor(code: DamageCode, path: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.path = path;
  }
}
