import type * as Monaco from 'monaco-editor';
import type { ResponseTiming } from './loaded-file.ts';

export type MonacoApi = typeof Monaco;

/** Monaco's AMD loader, as far as it is used here. */
interface AmdRequire {
  (modules: string[], onLoad: (...exports: unknown[]) => void, onError: (error: unknown) => void): void;
  config(options: { paths: Record<string, string> }): void;
}

/** What Monaco's scripts put into the page. */
interface MonacoGlobals {
  require: AmdRequire;
  MonacoEnvironment?: Monaco.Environment;
}

/**
 * Loads Monaco from `monaco/vs/` beside the page, in any sub-path.
 *
 * @param onWorkerLoaded told what each of its workers loaded: a worker's files are in no page's resource timeline.
 */
export async function loadMonaco(onWorkerLoaded: (timing: ResponseTiming) => void): Promise<MonacoApi> {
  const folder = new URL('monaco/vs', document.baseURI).href;
  await loadScript(`${folder}/loader.js`);
  const { require } = globalThis as unknown as MonacoGlobals;
  require.config({ paths: { vs: folder } });
  const monaco = await new Promise<MonacoApi>((resolve, reject) => {
    require(['vs/editor/editor.main'], (exports) => resolve(exports as MonacoApi), reject);
  });
  reportWorkers(onWorkerLoaded);
  return monaco;
}

function loadScript(url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = url;
    script.addEventListener('load', () => resolve());
    script.addEventListener('error', () => reject(new Error(`${url} did not load`)));
    document.head.append(script);
  });
}

/** What a worker of ours runs last: it sends its own resource timeline, as plain objects, under a name of ours. */
const REPORT = `
;postMessage({ tabseedDemoTimings: performance.getEntriesByType('resource').map((entry) => ({
  name: entry.name, decodedBodySize: entry.decodedBodySize, transferSize: entry.transferSize,
  serverTiming: (entry.serverTiming ?? []).map(({ name, description }) => ({ name, description })),
})) });`;

/**
 * Has each of Monaco's workers report what it loaded. Monaco makes them from a blob that imports a script whose hashed
 * name only Monaco knows; adding to that blob leaves its own way of making workers as it is, which is what a demo of
 * a third-party app should do.
 */
function reportWorkers(onLoaded: (timing: ResponseTiming) => void): void {
  const environment = (globalThis as unknown as MonacoGlobals).MonacoEnvironment;
  const getWorker = environment?.getWorker?.bind(environment);
  if (!environment || !getWorker) return;
  environment.getWorker = async (moduleId, label) => {
    const worker = await withLongerBlobs(REPORT, () => getWorker(moduleId, label));
    worker.addEventListener('message', (event: MessageEvent<unknown>) => {
      const { data } = event;
      if (typeof data !== 'object' || data === null || !('tabseedDemoTimings' in data)) return;
      event.stopImmediatePropagation();
      for (const timing of data.tabseedDemoTimings as ResponseTiming[]) onLoaded(timing);
    });
    return worker;
  };
}

/** Object URLs made while `run` runs, synchronously, are of blobs that end with `more`. */
function withLongerBlobs<T>(more: string, run: () => T): T {
  const createObjectURL = URL.createObjectURL.bind(URL);
  URL.createObjectURL = (source) =>
    createObjectURL(source instanceof Blob ? new Blob([source, more], { type: source.type }) : source);
  try {
    return run();
  } finally {
    URL.createObjectURL = createObjectURL;
  }
}
