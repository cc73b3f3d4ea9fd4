import type { WorkerStatus } from '../protocol/bridge-message.ts';
import { noTraffic } from '../protocol/traffic.ts';
import type { TabseedStats } from './api.ts';

/** What this tab knows better than the worker. */
export interface TabFacts {
  readonly leader: boolean;
  /** Peers as counted by this tab's own engine; `undefined` in tabs without one. */
  readonly peers: number | undefined;
}

/** The public figures from the worker's last status; a worker that is asleep sends none. */
export function statsOf(status: WorkerStatus | undefined, tab: TabFacts): TabseedStats {
  const { plain, wire } = status?.traffic ?? noTraffic();
  return {
    bytes: { ...plain },
    wire: { ...wire },
    peers: tab.peers ?? status?.peers ?? 0,
    leader: tab.leader,
    release: status?.release ? { ...status.release } : null,
  };
}

/** Names of the events that a change of figures is worth, `stats` last: then the parts have been told. */
export function changedEvents(before: TabseedStats, after: TabseedStats): ('peers' | 'leader' | 'release' | 'stats')[] {
  const changed: ('peers' | 'leader' | 'release' | 'stats')[] = [];
  if (before.peers !== after.peers) changed.push('peers');
  if (before.leader !== after.leader) changed.push('leader');
  if (before.release?.sequence !== after.release?.sequence || before.release?.version !== after.release?.version) {
    changed.push('release');
  }
  const moved = !sameNumbers(before.bytes, after.bytes) || !sameNumbers(before.wire, after.wire) || changed.length > 0;
  return moved ? [...changed, 'stats'] : changed;
}

function sameNumbers(one: Readonly<Record<string, number>>, other: Readonly<Record<string, number>>): boolean {
  return Object.keys(one).every((name) => one[name] === other[name]);
}
