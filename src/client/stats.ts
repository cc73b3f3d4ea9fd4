import type { WorkerStatus } from '../protocol/bridge-message.ts';
import { noTraffic } from '../protocol/traffic.ts';
import type { TabseedStats, TabseedUpdate } from './api.ts';
import type { ConsentState } from './consent-record.ts';

/** What this tab knows better than the worker. */
export interface TabFacts {
  readonly leader: boolean;
  /** Peers as counted by this tab's own engine; `undefined` in tabs without one. */
  readonly peers: number | undefined;
  readonly consent: ConsentState;
  /** One object for as long as nothing of it changes. */
  readonly update: TabseedUpdate | null;
}

/** The public figures from the worker's last status; a worker that is asleep sends none. */
export function statsOf(status: WorkerStatus | undefined, tab: TabFacts): TabseedStats {
  const { plain, wire } = status?.traffic ?? noTraffic();
  return {
    bytes: { ...plain },
    wire: { ...wire },
    peers: tab.peers ?? status?.peers ?? 0,
    leader: tab.leader,
    consent: tab.consent,
    release: status?.release ? { ...status.release } : null,
    update: tab.update,
  };
}

type ChangeName = 'peers' | 'leader' | 'release' | 'consent' | 'stats';

/** Names of the events that a change of figures is worth, `stats` last: then the parts have been told. */
export function changedEvents(before: TabseedStats, after: TabseedStats): ChangeName[] {
  const changed: ChangeName[] = [];
  if (before.peers !== after.peers) changed.push('peers');
  if (before.leader !== after.leader) changed.push('leader');
  if (before.release?.sequence !== after.release?.sequence || before.release?.version !== after.release?.version) {
    changed.push('release');
  }
  if (before.consent !== after.consent) changed.push('consent');
  const moved =
    before.update !== after.update ||
    !sameNumbers(before.bytes, after.bytes) ||
    !sameNumbers(before.wire, after.wire) ||
    changed.length > 0;
  return moved ? [...changed, 'stats'] : changed;
}

function sameNumbers(one: Readonly<Record<string, number>>, other: Readonly<Record<string, number>>): boolean {
  return Object.keys(one).every((name) => one[name] === other[name]);
}
