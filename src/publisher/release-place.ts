/** Where an earlier release lies. Nothing that is read from it is trusted before its signature and hashes fit. */
export interface ReleasePlace {
  /** As the user named it, for messages. */
  readonly name: string;
  /** On a disk of ours: whoever could change it could change everything else. */
  readonly isLocal: boolean;
  /**
   * A file, cut off one byte after `maximumBytes`: that byte more says that it is too long. `undefined` when there is no
   * such file.
   *
   * @throws PublishError `previous-unreachable`
   */
  read(path: string, maximumBytes: number): Promise<Uint8Array | undefined>;
  /** Whether a file of exactly this length is there. @throws PublishError `previous-unreachable` */
  has(path: string, bytes: number): Promise<boolean>;
}

/** What to do when what `--previous` names is not there. */
export const PREVIOUS_HINT = 'is it right? A first publish needs no --previous';
