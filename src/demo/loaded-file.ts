/** One file that the page or one of its workers loaded. */
export interface LoadedFile {
  /** Path relative to the app's scope; empty for the page itself. */
  readonly name: string;
  /** What it is, after decoding. */
  readonly bytes: number;
  readonly source: 'store' | 'origin' | 'peers' | 'mixed' | 'cache';
}

/** The part of a PerformanceResourceTiming that says where a response came from; also what a worker sends of its own. */
export interface ResponseTiming {
  readonly name: string;
  readonly decodedBodySize: number;
  readonly transferSize: number;
  readonly serverTiming: readonly { readonly name: string; readonly description: string }[];
}

/** Name of the metric in Server-Timing by which the service worker says its source. */
const METRIC = 'tabseed';

/** `undefined` for what is no file of the app: other origins and Tabseed's own packs and pointer. */
export function loadedFile(timing: ResponseTiming, scope: string): LoadedFile | undefined {
  if (!timing.name.startsWith(scope)) return undefined;
  const name = decodeURI(timing.name.slice(scope.length).replace(/[?#].*$/, ''));
  if (name.startsWith('tabseed/') || name === 'tabseed-sw.js') return undefined;
  return { name, bytes: timing.decodedBodySize, source: sourceOf(timing) };
}

function sourceOf(timing: ResponseTiming): LoadedFile['source'] {
  const source = timing.serverTiming.find((metric) => metric.name === METRIC)?.description;
  switch (source) {
    case 'store':
    case 'origin':
    case 'peers':
    case 'mixed':
      return source;
    default:
      // Not by the worker: plain HTTP, or the browser's own cache, which asks nobody.
      return timing.transferSize === 0 ? 'cache' : 'origin';
  }
}
