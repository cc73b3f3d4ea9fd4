import { CLIENT_SCRIPT, POINTER_PATH, packPath, WORKER_SCRIPT } from '../protocol/layout.ts';
import { type Manifest, packBytes } from '../protocol/manifest.ts';
import type { StagedFiles } from './staged-files.ts';

/** File in OUT that tells a deploy script what to upload, in which order; itself not meant for the origin. */
export const DEPLOY_LIST = 'deploy.json';

/** Never changes under its name. */
const IMMUTABLE = 'public, max-age=31536000, immutable';
/** Stored, and asked about before each use. */
const REVALIDATE = 'no-cache';

const BINARY = 'application/octet-stream';
const SCRIPT = 'text/javascript;charset=utf-8';

export interface DeployFile {
  readonly path: string;
  readonly bytes: number;
  readonly contentType: string;
  readonly cacheControl: string;
}

export interface DeployList {
  readonly format: 1;
  readonly sequence: number;
  /** In the order of upload: whatever a file names is there before it. */
  readonly upload: readonly DeployFile[];
  /** Files in OUT that this release does not name; tabs that still run an older one may ask for them. */
  readonly removable: readonly string[];
}

/** A file to upload; `knownBytes` is set when it is not in the staging folder, but in OUT already. */
export interface DeployStep extends Omit<DeployFile, 'bytes'> {
  readonly knownBytes: number | undefined;
}

/** Packs, manifest, client scripts, plain files, worker script, pointer. */
export function deploySteps(
  manifest: Manifest,
  manifestFile: string,
  { clientScripts, published }: Pick<StagedFiles, 'clientScripts' | 'published'>,
): DeployStep[] {
  const step = (path: string, contentType: string, cacheControl: string, knownBytes?: number): DeployStep => {
    return { path, contentType, cacheControl, knownBytes };
  };
  return [
    ...manifest.packs.map((pack) => step(packPath(pack.id), BINARY, IMMUTABLE, packBytes(pack))),
    step(manifestFile, BINARY, IMMUTABLE),
    // The scripts that client.js loads have a hash in their names.
    ...clientScripts.map((path) => step(path, SCRIPT, path === CLIENT_SCRIPT ? REVALIDATE : IMMUTABLE)),
    ...published.map(({ path, mediaType, cacheControl }) => step(path, mediaType, cacheControl ?? REVALIDATE)),
    step(WORKER_SCRIPT, SCRIPT, REVALIDATE),
    step(POINTER_PATH, BINARY, REVALIDATE),
  ];
}

export function removableFiles(existing: readonly string[], upload: readonly DeployFile[]): string[] {
  const needed = new Set([DEPLOY_LIST, ...upload.map(({ path }) => path)]);
  return existing.filter((path) => !needed.has(path));
}

/** Text of the file. The same list always gives the same text. */
export function encodeDeployList(list: DeployList): string {
  return `${JSON.stringify(list, undefined, 2)}\n`;
}
