import { OriginError } from '../core/errors.ts';
import type { ByteSource, Origin } from '../core/ports.ts';
import { packPath } from '../protocol/layout.ts';
import { pathToUrl } from '../protocol/release-path.ts';
import { type FetchPlan, HttpSource } from './http-source.ts';

export interface HttpOriginOptions {
  /** The scope: absolute, with a `/` at its end. */
  readonly base: string;
  readonly fetch: typeof fetch;
}

/** The web server that published the release. `no-store` throughout: Chromium serialises cached Ranges on one URL. */
export function httpOrigin({ base, fetch }: HttpOriginOptions): Origin {
  const open = (plan: FetchPlan): ByteSource => new HttpSource(fetch, plan);
  return {
    readPack: (pack, offset, length) => {
      const last = offset + length - 1;
      return open({
        url: new URL(packPath(pack), base),
        // Browsers set Accept-Encoding for Ranges themselves and ignore ours; Node's fetch takes it.
        headers: { Range: `bytes=${offset}-${last}`, 'Accept-Encoding': 'identity' },
        cache: 'no-store',
        maximumBytes: length,
        minimumBytes: length,
        check: (response) => checkRange(response, offset, last),
      });
    },
    // `no-store` for a second reason: the service worker lets it pass, so that the engine, which lives in a page, is not
    // answered by the worker that waits for it.
    readFile: (path) => open({ url: new URL(pathToUrl(path), base), cache: 'no-store', check: checkFile }),
  };
}

function checkRange(response: Response, first: number, last: number): void {
  checkStatus(response);
  if (response.status !== 206) throw range(response, `status ${response.status} instead of 206`);
  if (response.headers.get('Content-Range')?.startsWith(`bytes ${first}-${last}/`) !== true)
    throw range(response, 'another Content-Range than asked for');
  const encoding = response.headers.get('Content-Encoding') ?? 'identity';
  if (encoding !== 'identity') throw range(response, `Content-Encoding ${encoding} on a range`);
}

/** @throws OriginError unless it is a whole file. */
export function checkFile(response: Response): void {
  checkStatus(response);
  if (response.status !== 200) throw range(response, `status ${response.status} instead of 200`);
}

function checkStatus(response: Response): void {
  if (response.ok) return;
  throw new OriginError('origin-status', `${response.url}: HTTP ${response.status}`, { status: response.status });
}

function range(response: Response, problem: string): OriginError {
  return new OriginError('origin-range', `${response.url}: ${problem}`, { status: response.status });
}
