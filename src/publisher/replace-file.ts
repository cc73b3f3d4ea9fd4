import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf, PublishError } from './errors.ts';

/** A reader of OUT never sees half a file. @throws PublishError `out-unwritable` */
export async function replaceFile(out: string, path: string, content: string | Uint8Array): Promise<void> {
  const target = join(out, path);
  try {
    await mkdir(dirname(target), { recursive: true });
    await writeFile(`${target}.replacing`, content);
    await rename(`${target}.replacing`, target);
  } catch (cause) {
    throw new PublishError('out-unwritable', `${target} cannot be written (${errnoOf(cause) ?? 'unknown error'})`, {
      cause,
    });
  }
}
