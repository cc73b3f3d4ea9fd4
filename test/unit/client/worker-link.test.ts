import { describe, expect, it } from 'vitest';
import { WorkerLink } from '../../../src/client/worker-link.ts';
import type { WorkerStatus } from '../../../src/protocol/bridge-message.ts';
import { noTraffic } from '../../../src/protocol/traffic.ts';
import { PROTOCOL_VERSION } from '../../../src/protocol/version.ts';

const SCRIPT = { scope: 'https://example.org/', url: 'https://example.org/tabseed-sw.js', isApps: false };
const STATUS: WorkerStatus = { release: null, news: null, traffic: noTraffic(), peers: 3, leader: true };

/** A worker whose answers to requests a test writes. */
class FakeWorker {
  readonly scriptURL: string;
  readonly posted: unknown[] = [];
  answer: (port: MessagePort) => void = () => undefined;

  constructor(scriptURL = SCRIPT.url) {
    this.scriptURL = scriptURL;
  }

  postMessage(message: unknown, [port]: MessagePort[]): void {
    this.posted.push(message);
    if (port) this.answer(port);
  }
}

interface FakePort {
  postMessage(message: unknown): void;
}

class FakeContainer extends EventTarget {
  controller: FakeWorker | null = new FakeWorker();

  startMessages(): void {
    this.dispatchEvent(new Event('started'));
  }

  deliver(message: unknown, source: FakeWorker | null = this.controller, ports: FakePort[] = []): void {
    this.deliverAsItIs({ tabseed: message }, source, ports);
  }

  deliverAsItIs(data: unknown, source: FakeWorker | null = this.controller, ports: FakePort[] = []): void {
    this.dispatchEvent(Object.assign(new Event('message'), { data, source, ports }));
  }
}

function setup(): { container: FakeContainer; link: WorkerLink; log: string[] } {
  const container = new FakeContainer();
  const log: string[] = [];
  const link = new WorkerLink(container as unknown as ServiceWorkerContainer, SCRIPT, {
    onStatus: ({ peers }) => log.push(`status ${peers}`),
    onLeaderWanted: () => log.push('leader-wanted'),
    onTakeOver: () => log.push('take-over'),
    onRetired: () => log.push('retired'),
    isOurs: (url) => url === 'blob:ours',
    onWorkerChange: () => log.push('worker-change'),
    onError: ({ code }) => log.push(code),
  });
  return { container, link, log };
}

describe('WorkerLink', () => {
  it('hears its own worker, and nobody else', () => {
    const { container, log } = setup();
    container.deliver({ type: 'status', version: PROTOCOL_VERSION, status: STATUS });
    container.deliver({ type: 'leader-wanted' });
    container.deliver({ type: 'retired' });
    container.deliver({ type: 'take-over' }, new FakeWorker('https://example.org/other.js'));
    container.deliver({ type: 'take-over' }, null);
    expect(log).toEqual(['status 3', 'leader-wanted', 'retired']);
  });

  it('answers for frames and workers of its page alone', () => {
    const { container, log } = setup();
    const ports = [{ postMessage: (message: unknown) => log.push(String(message)) }];
    container.deliver({ type: 'whose', url: 'blob:theirs' }, container.controller, ports);
    expect(log).toEqual([]);
    container.deliver({ type: 'whose', url: 'blob:ours' }, container.controller, ports);
    expect(log).toEqual(['true']);
  });

  it('leaves messages of the app’s own to the app, whatever their type', () => {
    const { container, log } = setup();
    for (const data of [{ type: 'retired' }, 'retired', null, undefined]) container.deliverAsItIs(data);
    expect(log).toEqual([]);
  });

  it('ignores a worker of another protocol version', () => {
    const { container, log } = setup();
    container.deliver({ type: 'status', version: PROTOCOL_VERSION + 1, status: STATUS });
    expect(log).toEqual([]);
  });

  it('says so when a message cannot be read', () => {
    const { container, log } = setup();
    container.deliver({ type: 'from-the-future' });
    expect(log).toEqual(['bad-message']);
  });

  it('posts only to its own worker', () => {
    const { container, link, log } = setup();
    expect(link.post({ type: 'keep-alive' })).toBe(true);
    expect(container.controller?.posted).toEqual([{ tabseed: { type: 'keep-alive' } }]);
    container.controller = new FakeWorker('https://example.org/other.js');
    container.dispatchEvent(new Event('controllerchange'));
    expect(link.post({ type: 'keep-alive' })).toBe(false);
    expect([container.controller.posted, log]).toEqual([[], []]);
    container.controller = new FakeWorker();
    container.dispatchEvent(new Event('controllerchange'));
    expect(log).toEqual(['worker-change']);
  });

  it('resolves a request when the worker is done, and rejects with its code when it failed', async () => {
    const { container, link } = setup();
    const { controller } = container;
    if (!controller) throw new Error('no worker');
    controller.answer = (port) => port.postMessage({ type: 'done' });
    await link.request({ type: 'check', intervalMs: 0 });
    controller.answer = (port) => port.postMessage({ type: 'failed', code: 'expired', message: 'too old' });
    const failure = { code: 'request-failed', detail: 'expired', message: 'too old' };
    await expect(link.request({ type: 'check', intervalMs: 0 })).rejects.toMatchObject(failure);
    controller.answer = (port) => port.postMessage('gibberish');
    await expect(link.request({ type: 'check', intervalMs: 0 })).rejects.toMatchObject({ code: 'bad-message' });
  });

  it('rejects a request when the worker ends or is not there', async () => {
    const { container, link } = setup();
    const { controller } = container;
    if (!controller) throw new Error('no worker');
    controller.answer = (port) => port.close();
    await expect(link.request({ type: 'check', intervalMs: 0 })).rejects.toMatchObject({ code: 'worker-gone' });
    container.controller = null;
    await expect(link.request({ type: 'check', intervalMs: 0 })).rejects.toMatchObject({ code: 'worker-gone' });
  });
});
