import { OriginError } from '../core/errors.ts';
import type { Origin } from '../core/ports.ts';
import { pathToUrl } from '../protocol/release-path.ts';
import { checkFile, type HttpOriginOptions, httpOrigin } from './http-origin.ts';
import { HttpSource } from './http-source.ts';

/** The origin as an engine uses it, which may refuse a plain file that is not compressed. The worker never does. */
export function engineOrigin(options: HttpOriginOptions): Origin {
  const origin = httpOrigin(options);
  return {
    ...origin,
    readFile(path, mustBeCompressed) {
      if (mustBeCompressed !== true) return origin.readFile(path);
      const url = new URL(pathToUrl(path), options.base);
      return new HttpSource(options.fetch, { url, cache: 'no-store', check: checkCompressed });
    },
  };
}

function checkCompressed(response: Response): void {
  checkFile(response);
  if (response.headers.has('Content-Encoding')) return;
  throw new OriginError('origin-uncompressed', `${response.url} came without Content-Encoding`);
}
