import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Maps and typings are not what a page loads. */
export const LEFT_OUT = ['**/*.map', '**/*.d.ts'];

/** The files of a built app, by path. */
export class ReleaseFolder {
  readonly files: ReadonlyMap<string, { readonly location: string; readonly hash: string; readonly bytes: number }>;

  constructor(folder: string) {
    const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((path) => !/\.(?:map|d\.ts)$/.test(path) && statSync(join(folder, path)).isFile())
      .sort();
    this.files = new Map(
      paths.map((path) => {
        const location = join(folder, path);
        const content = readFileSync(location);
        const hash = createHash('sha256').update(content).digest('hex');
        return [path, { location, hash, bytes: content.length }];
      }),
    );
  }

  /** Files whose content `old` has nowhere: a precache asks for these. */
  changedSince(old: ReleaseFolder): string[] {
    const known = new Set([...old.files.values()].map(({ hash }) => hash));
    return [...this.files].filter(([, { hash }]) => !known.has(hash)).map(([path]) => path);
  }

  /** The file that was this one: of the same path, else of the same name without its hash and the nearest length. */
  predecessorOf(path: string, { bytes }: { readonly bytes: number }): string | undefined {
    const same = this.files.get(path);
    if (same !== undefined) return same.location;
    const [nearest] = [...this.files]
      .filter(([other]) => stemOf(other) === stemOf(path))
      .map(([, file]) => file)
      .sort((a, b) => Math.abs(a.bytes - bytes) - Math.abs(b.bytes - bytes));
    return nearest?.location;
  }
}

/** `assets/index-BwSPrP_a.js` is `assets/index.js`: bundlers put a hash of eight characters before the extension. */
function stemOf(path: string): string {
  return path.replace(/[-.][\w-]{8}(?=\.\w+$)/, '');
}
