import { PROTOCOL_VERSION } from './version.ts';

/** Whose data: one origin may have several apps, each below a folder of its own. */
export interface StorageOwner {
  readonly app: string;
  /** The scope's URL. It has no space in it, so no owner's name begins with another's and a space. */
  readonly scope: string;
}

/** Name of the database; caches have it too, or begin with it and a space. */
export function storageName({ app, scope }: StorageOwner): string {
  return `tabseed ${app} ${scope}`;
}

/** The owners of a scope's databases among these: one, but for what an earlier app of the scope has left. */
export function storageOwners(names: readonly string[], scope: string): StorageOwner[] {
  const [start, end] = ['tabseed ', ` ${scope}`];
  return names
    .filter((name) => name.length > start.length + end.length && name.startsWith(start) && name.endsWith(end))
    .map((name) => ({ app: name.slice(start.length, -end.length), scope }));
}

/**
 * Name of the Web Lock that the leader among the tabs holds. The scope alone names the deployment: it has one worker, and
 * that has one app. With the version in it, a tab that still runs an older client cannot hold the lock while the worker
 * ignores it.
 */
export function leaderLockName(scope: string): string {
  return `tabseed leader ${PROTOCOL_VERSION} ${scope}`;
}

/** Key in `localStorage` of when a tab has looked for news last. */
export function checkKey(scope: string): string {
  return `tabseed check ${scope}`;
}

/** Key of the record that holds what the worker knows of releases. */
export const RELEASES_RECORD = 'releases';
