import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { WORKER_SCRIPT } from '../protocol/layout.ts';
import { decodeWorkerScript } from '../protocol/worker-config.ts';
import { errnoOf, PublishError } from './errors.ts';

/** What the worker script in OUT says of its app. @throws PublishError `out-foreign`, `out-damaged` */
export async function readWorkerScript(out: string): Promise<ReturnType<typeof decodeWorkerScript>> {
  const script = await readFile(join(out, WORKER_SCRIPT), 'utf8').catch((cause: unknown) => {
    const message = `${out} has no ${WORKER_SCRIPT} (${errnoOf(cause) ?? 'unknown error'}): name a published folder`;
    throw new PublishError('out-foreign', message, { cause });
  });
  try {
    return decodeWorkerScript(script);
  } catch (cause) {
    const message = `${WORKER_SCRIPT} in ${out} is not Tabseed's, or damaged: publish again first`;
    throw new PublishError('out-damaged', message, { cause });
  }
}
