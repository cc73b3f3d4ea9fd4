import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, PublishError } from './errors.ts';
import { PREVIOUS_HINT, type ReleasePlace } from './release-place.ts';

/** A release in a folder: OUT itself, or a copy of what is deployed. */
export class FolderPlace implements ReleasePlace {
  readonly name: string;
  readonly isLocal = true;

  constructor(folder: string) {
    this.name = folder;
  }

  async read(path: string, maximumBytes: number): Promise<Uint8Array | undefined> {
    try {
      const file = await open(join(this.name, path));
      try {
        const { size } = await file.stat();
        const bytes = new Uint8Array(Math.min(size, maximumBytes + 1));
        let length = 0;
        while (length < bytes.length) {
          const { bytesRead } = await file.read(bytes, length);
          if (bytesRead === 0) break;
          length += bytesRead;
        }
        return bytes.subarray(0, length);
      } finally {
        await file.close();
      }
    } catch (cause) {
      const reason = errnoOf(cause);
      if (reason === 'ENOENT' || reason === 'ENOTDIR') return undefined;
      const message = `${join(this.name, path)} cannot be read (${reason ?? 'unknown error'}): ${PREVIOUS_HINT}`;
      throw new PublishError('previous-unreachable', message, { cause });
    }
  }

  async has(path: string, bytes: number): Promise<boolean> {
    return await stat(join(this.name, path)).then(
      (found) => found.isFile() && found.size === bytes,
      // Lost, or out of reach: either way it cannot be relied on.
      () => false,
    );
  }
}
