import { createHash } from 'node:crypto';
import { SeededRandom } from '../../test/fakes/seeded-random.ts';
import { ReceivingLine } from './access-line.ts';
import { bytesPerMs, fluidBoundMs, type PeerPlan, planPeers, type Scenario } from './scenario.ts';
import { SimNetwork, type Site } from './sim-network.ts';
import { SimOrigin } from './sim-origin.ts';
import { type PeerWorld, SimPeer } from './sim-peer.ts';
import { SimRelease } from './sim-release.ts';
import { SimSignaling } from './sim-signaling.ts';
import { TickClock } from './tick-clock.ts';

/** Who is not done then never will be. */
const LIMIT_BOUNDS = 20;
const LIMIT_MS = 120_000;
const FASTEST_SITE_MBPS = 100_000;
/** How often the use of the lines is looked at. */
const USE_STEP_MS = 250;
/** How often it is looked at whether a server ends now. */
const END_STEP_MS = 10;

export interface Outcome {
  readonly boundMs: number;
  /** Of those that stayed, sorted: from their arrival to their last byte. */
  readonly completionMs: readonly number[];
  readonly unfinished: number;
  /** Share of what all lines could send in each quarter of a second, those included that have not arrived yet. */
  readonly uploadUse: readonly number[];
  readonly peers: readonly SimPeer[];
  readonly originBytes: number;
  readonly releaseBytes: number;
  readonly events: number;
  readonly virtualMs: number;
  /** The same for the same scenario, whatever the machine. */
  readonly trace: string;
}

export async function simulate(
  scenario: Scenario,
  onProgress: (line: string) => void = () => undefined,
): Promise<Outcome> {
  const random = new SeededRandom(scenario.seed);
  const clock = new TickClock();
  const release = new SimRelease(scenario.chunks, scenario.chunkBytes);
  const origin = new SimOrigin(clock, release, bytesPerMs(scenario.originMbps));
  const network = new SimNetwork(clock, random, release, scenario.nat);
  const signaling = new SimSignaling(clock, random);
  const plans = planPeers(scenario, random);
  const boundMs = fluidBoundMs(scenario, plans);
  const sites: Site[] = Array.from({ length: scenario.sites }, () => ({
    line: new ReceivingLine(bytesPerMs(Math.min(scenario.siteMbps, FASTEST_SITE_MBPS))),
  }));
  const world: PeerWorld = { clock, random, release, network, origin };
  const peers: SimPeer[] = [];
  let open = plans.filter(({ role }) => role === 'honest' || role === 'free-rider').length;
  const begin = (plan: PeerPlan): void => {
    const site = plan.site === undefined ? undefined : sites[plan.site];
    const peer = new SimPeer(
      world,
      plan,
      { ...plan, site, isPolluter: plan.role === 'polluter' },
      signaling.connect({
        site: plan.site === undefined ? `alone ${peers.length}` : `site ${plan.site}`,
        reach: plan.site === undefined ? 'any' : 'site',
      }),
      () => {
        open -= 1;
      },
    );
    peers.push(peer);
    void peer.start();
    if (plan.leavesMs === undefined) return;
    clock.after(plan.leavesMs - clock.now(), () => {
      if (peer.counts && peer.completedMs === undefined) open -= 1;
      // Who is done may go as well: it is no survivor, but it has been served.
      peer.vanish();
    });
  };
  for (const plan of plans) clock.after(plan.arrivesMs, () => begin(plan));
  const endAt = (copies: number, server: { end(): void }): void => {
    if (copies === 0) return;
    if (origin.servedBytes >= copies * release.bytes) server.end();
    else clock.after(END_STEP_MS, () => endAt(copies, server));
  };
  endAt(scenario.signalingEnds, signaling);
  endAt(scenario.originEnds, origin);
  const report = (): void => {
    onProgress(
      `${clock.now() / 1000} s: ${open} of ${plans.length} under way, ${(origin.servedBytes / release.bytes).toFixed(2)} copies`,
    );
    clock.after(5000, report);
  };
  report();
  const capacity = plans.reduce((sum, plan) => sum + plan.uploadBytesPerMs, 0) * USE_STEP_MS;
  const uploadUse: number[] = [];
  let sentBefore = 0;
  const look = (): void => {
    const sent = peers.reduce((sum, { host }) => sum + host.upload.sentBytes, 0);
    uploadUse.push((sent - sentBefore) / capacity);
    sentBefore = sent;
    clock.after(USE_STEP_MS, look);
  };
  clock.after(USE_STEP_MS, look);
  await clock.runUntil(() => open === 0, LIMIT_MS + LIMIT_BOUNDS * boundMs + (plans.at(-1)?.arrivesMs ?? 0));
  const survivors = peers.filter(({ counts }) => counts);
  return {
    boundMs,
    completionMs: survivors
      .flatMap(({ completedMs, plan }) => (completedMs === undefined ? [] : [completedMs - plan.arrivesMs]))
      .sort((a, b) => a - b),
    unfinished: survivors.filter(({ completedMs }) => completedMs === undefined).length,
    uploadUse,
    peers,
    originBytes: origin.servedBytes,
    releaseBytes: release.bytes,
    events: clock.events,
    virtualMs: clock.now(),
    trace: traceOf(peers),
  };
}

function traceOf(peers: readonly SimPeer[]): string {
  const hash = createHash('sha256');
  for (const { completedMs, traffic } of peers) hash.update(JSON.stringify([completedMs, traffic]));
  return hash.digest('hex').slice(0, 16);
}
