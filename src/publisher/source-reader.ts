import { open } from 'node:fs/promises';
import { errnoOf, PublishError } from './errors.ts';
import type { SourceFile } from './source-tree.ts';

/** Bytes of one read: large enough that system calls cost nothing, small beside a pack. */
const PIECE_BYTES = 256 * 1024;

/**
 * The bytes of a file, piece by piece; a piece is valid until the next one is asked for.
 *
 * @throws PublishError `source-unreadable`, or `source-changed` when it is not the file that was listed, or no longer
 *   the same at its end.
 */
export async function* readSource(file: SourceFile): AsyncGenerator<Uint8Array> {
  const handle = await open(file.location).catch((cause: unknown) => {
    throw unreadable(file, cause);
  });
  try {
    const before = await handle.stat();
    const buffer = new Uint8Array(PIECE_BYTES);
    let total = 0;
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, PIECE_BYTES).catch((cause: unknown) => {
        throw unreadable(file, cause);
      });
      if (bytesRead === 0) break;
      total += bytesRead;
      // A log that grows as fast as it is read would never end.
      if (total > file.bytes) throw changed(file);
      yield buffer.subarray(0, bytesRead);
    }
    const after = await handle.stat();
    if (total !== file.bytes || after.mtimeMs !== before.mtimeMs) throw changed(file);
  } finally {
    await handle.close();
  }
}

function changed(file: SourceFile): PublishError {
  return new PublishError('source-changed', `${file.path} changed while it was read: publish when the build is done`);
}

function unreadable(file: SourceFile, cause: unknown): PublishError {
  return new PublishError('source-unreadable', `${file.path} cannot be read (${errnoOf(cause) ?? 'unknown error'})`, {
    cause,
  });
}
