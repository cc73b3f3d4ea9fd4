import { describe, expect, it } from 'vitest';
import { REPORT_INTERVAL_MS, TrafficReport, WAKE_INTERVAL_MS } from '../../../src/client/traffic-report.ts';
import { noTraffic, type Traffic } from '../../../src/protocol/traffic.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

function uploaded(bytes: number): Traffic {
  const traffic = noTraffic();
  traffic.plain.uploaded = bytes;
  return traffic;
}

function setup(): { clock: VirtualClock; report: TrafficReport; log: string[]; worker: { awake: boolean } } {
  const clock = new VirtualClock();
  const log: string[] = [];
  const worker = { awake: true };
  const report = new TrafficReport(clock, {
    send: (traffic, peers) => {
      if (worker.awake) log.push(`${traffic.plain.uploaded} bytes, ${peers} peers`);
      return worker.awake;
    },
    wake: () => log.push('wake'),
  });
  return { clock, report, log, worker };
}

describe('TrafficReport', () => {
  it('sums what happens within an interval into one report', async () => {
    const { clock, report, log } = setup();
    report.setPeers(2);
    for (let piece = 0; piece < 5; piece += 1) report.addTraffic(uploaded(10));
    await clock.advance(REPORT_INTERVAL_MS - 1);
    expect(log).toEqual([]);
    await clock.advance(1);
    report.addTraffic(uploaded(1));
    await clock.advance(REPORT_INTERVAL_MS);
    expect(log).toEqual(['50 bytes, 2 peers', '1 bytes, 2 peers']);
  });

  it('is silent while nothing happens', async () => {
    const { clock, report, log } = setup();
    report.flush();
    await clock.advance(WAKE_INTERVAL_MS * 10);
    expect(log).toEqual([]);
  });

  it('keeps what a sleeping worker did not get, and wakes it now and then', async () => {
    const { clock, report, log, worker } = setup();
    worker.awake = false;
    for (let second = 0; second < 10; second += 1) {
      report.addTraffic(uploaded(10));
      await clock.advance(1000);
    }
    await clock.advance(REPORT_INTERVAL_MS);
    expect(log).toEqual(['wake']);
    worker.awake = true;
    report.resume();
    expect(log).toEqual(['wake', '100 bytes, 0 peers']);
  });

  it('sends what it has when it closes, and nothing afterwards', async () => {
    const { clock, report, log, worker } = setup();
    report.addTraffic(uploaded(7));
    report.close();
    report.addTraffic(uploaded(9));
    worker.awake = false;
    await clock.advance(WAKE_INTERVAL_MS * 2);
    expect(log).toEqual(['7 bytes, 0 peers']);
  });
});
