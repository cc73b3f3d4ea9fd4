import picomatch from 'picomatch';
import { FOLDER, WORKER_SCRIPT } from '../protocol/layout.ts';
import { DEPLOY_LIST } from './deploy-list.ts';
import { PublishError } from './errors.ts';
import { HEADERS_FILE } from './headers-file.ts';
import type { SourceFile } from './source-tree.ts';

export interface ReleaseSource extends SourceFile {
  /** False: copied to OUT, but the origin alone serves it. */
  readonly inRelease: boolean;
}

const RESERVED = new Set([FOLDER, WORKER_SCRIPT, DEPLOY_LIST]);
/** Names that nobody means to put on a web server. */
const PRIVATE_NAME =
  /^node_modules\/|(?:^|\/)(?:\.env(?:\.[^/]*)?|\.npmrc|\.htpasswd|id_(?:rsa|ed25519)|[^/]+\.(?:pem|p12|pfx))(?:$|\/)/;

/**
 * Decides which files are of the release. A glob without a slash fits names at any depth; one that fits a folder fits
 * all that lies in it.
 *
 * @param worker path of the app's own worker.
 * @throws PublishError `source-reserved`, `source-empty`, `option-invalid`
 */
export function chooseSources(
  files: readonly SourceFile[],
  exclude: readonly string[],
  worker: string | undefined,
): ReleaseSource[] {
  if (worker !== undefined && !files.some(({ path }) => path === worker)) {
    throw new PublishError('option-invalid', `worker "${worker}" is no file of the app: name it as it lies in <src>`);
  }
  const isExcluded = excluder(exclude);
  const sources = files.map((file) => {
    const top = file.path.split('/', 1)[0] ?? '';
    if (RESERVED.has(top)) {
      throw new PublishError('source-reserved', `the name ${top} is Tabseed's own: publish a folder without it`);
    }
    return { ...file, inRelease: file.path !== HEADERS_FILE && file.path !== worker && !isExcluded(file.path) };
  });
  if (!sources.some(({ inRelease }) => inRelease)) {
    throw new PublishError('source-empty', 'every file is excluded: nothing is left to publish');
  }
  return sources;
}

/** What a publisher may not have noticed about the names of the files. */
export function nameWarnings(files: readonly SourceFile[]): string[] {
  const warnings: string[] = [];
  const secrets = files.filter(({ path }) => PRIVATE_NAME.test(path));
  if (secrets[0] !== undefined) {
    warnings.push(`${secrets[0].path}${others(secrets.length)} will be public: take out what is secret`);
  }
  const byFold = new Map<string, string>();
  for (const { path } of files) {
    const fold = path.normalize('NFC').toLowerCase();
    const twin = byFold.get(fold);
    if (twin !== undefined) warnings.push(`${twin} and ${path} differ in case only: some hosts keep one of them`);
    else byFold.set(fold, path);
  }
  return warnings;
}

function others(count: number): string {
  return count > 1 ? ` and ${count - 1} more` : '';
}

function excluder(globs: readonly string[]): (path: string) => boolean {
  const matchers = globs.map((glob) => picomatch(...pathGlob(glob)));
  return (path) => {
    const segments = path.split('/');
    return segments.some((_, index) => {
      const ancestor = segments.slice(0, index + 1).join('/');
      return matchers.some((matches) => matches(ancestor));
    });
  };
}

function pathGlob(glob: string): [pattern: string, options: { dot: true; basename: boolean }] {
  const pattern = glob.replace(/^\/|\/$/g, '');
  return [pattern, { dot: true, basename: !glob.startsWith('/') && !pattern.includes('/') }];
}

/** A regular expression that fits the same paths as the glob: browsers have no matcher of globs. */
export function globPattern(glob: string): string {
  const [pattern, { dot, basename }] = pathGlob(glob);
  // The glob itself, and all that lies in a folder that it fits.
  return [pattern, `${pattern}/**`]
    .map((one) => picomatch.makeRe(basename ? `**/${one}` : one, { dot }).source)
    .join('|');
}
