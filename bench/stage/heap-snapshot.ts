import type { BarePage } from './bare-browser.ts';

interface Snapshot {
  readonly snapshot: {
    readonly meta: { readonly node_fields: readonly string[]; readonly node_types: readonly unknown[] };
  };
  readonly nodes: readonly number[];
}

/**
 * What a page's heap consists of after garbage collection, in bytes by V8's names for kinds of nodes: `object`, `string`, `code`
 * (compiled functions and what the compiler has learned), `native` (what the browser keeps for the page) …
 */
export async function heapByKind(page: BarePage): Promise<Map<string, number>> {
  let text = '';
  const stop = page.on('HeapProfiler.addHeapSnapshotChunk', ({ chunk }) => {
    text += chunk as string;
  });
  await page.send('HeapProfiler.enable');
  await page.send('HeapProfiler.collectGarbage');
  await page.send('HeapProfiler.takeHeapSnapshot');
  await page.send('HeapProfiler.disable');
  stop();
  return bytesByKind(JSON.parse(text) as Snapshot);
}

function bytesByKind({ snapshot: { meta }, nodes }: Snapshot): Map<string, number> {
  const kinds = meta.node_types[0] as readonly string[];
  const [type, size] = [meta.node_fields.indexOf('type'), meta.node_fields.indexOf('self_size')];
  const bytes = new Map<string, number>();
  for (let node = 0; node < nodes.length; node += meta.node_fields.length) {
    const kind = kinds[nodes[node + type] as number] as string;
    bytes.set(kind, (bytes.get(kind) ?? 0) + (nodes[node + size] as number));
  }
  return bytes;
}
