import { decodePageMessage, openPosted, type PageMessage, posted, type Reply } from '../protocol/bridge-message.ts';
import type { ReleaseFile } from '../protocol/manifest.ts';
import { PROTOCOL_VERSION } from '../protocol/version.ts';
import type { WorkerConfig } from '../protocol/worker-config.ts';
import { Adoption } from './adoption.ts';
import { BypassedClients } from './bypassed-clients.ts';
import { Delivery } from './delivery.ts';
import { DocumentHeaders } from './document-headers.ts';
import { NotInReleaseError } from './errors.ts';
import { LeaderBridge, type LeaderPort } from './leader-bridge.ts';
import { prefetch } from './prefetch.ts';
import { Releases } from './releases.ts';
import { Responder } from './responder.ts';
import { isRetired } from './retirement.ts';
import { fileAt, route } from './route.ts';
import { StatusBoard } from './status-board.ts';
import { WindowClients } from './window-clients.ts';
import type { WorkerPorts } from './worker-ports.ts';

/** A page that navigates often must not ask for news each time; the pointer is below 1 KB. */
const CHECK_INTERVAL_MS = 60_000;
/** The first release is worth waiting for before pages are taken over, but not for ever. */
const FIRST_RELEASE_WAIT_MS = 10_000;

/** The service worker's events, each handled in the terms of its parts. */
export class TabseedWorker {
  readonly #scope: ServiceWorkerGlobalScope;
  readonly #config: WorkerConfig;
  readonly #ports: WorkerPorts;
  readonly #windows: WindowClients;
  readonly #status: StatusBoard;
  readonly #leader: LeaderBridge;
  readonly #releases: Releases;
  readonly #bypassed: BypassedClients;
  readonly #documents: DocumentHeaders;
  readonly #delivery: Delivery;
  readonly #responder: Responder;
  readonly #opened: Promise<void>;
  #isOpen = false;
  #leaderClient: string | undefined;
  /** What a page has loaded plainly is not to be prefetched again. */
  #adopting: Promise<void> = Promise.resolve();
  #checkedAtMs = Number.NEGATIVE_INFINITY;

  constructor(scope: ServiceWorkerGlobalScope, config: WorkerConfig, ports: WorkerPorts) {
    this.#scope = scope;
    this.#config = config;
    this.#ports = ports;
    this.#windows = new WindowClients(scope);
    this.#status = new StatusBoard(ports.clock, ports.records, (status) => {
      void this.#windows.tell({ type: 'status', version: PROTOCOL_VERSION, status });
    });
    this.#leader = new LeaderBridge(ports, {
      callLeader: () => this.#windows.tell({ type: 'leader-wanted' }),
      replaceLeader: () => void this.#windows.tellVisible({ type: 'take-over' }, this.#leaderClient),
      onReport: (traffic, peers) => {
        this.#status.addTraffic(traffic);
        this.#status.setPeers(peers);
      },
      onConnected: (isConnected) => this.#status.setLeader(isConnected),
    });
    this.#releases = new Releases(ports, () => this.#releasesChanged());
    this.#bypassed = new BypassedClients(ports.records);
    this.#documents = new DocumentHeaders(ports.records, (path) => ports.headersOf(path));
    this.#delivery = new Delivery(ports, this.#leader, (delta) => this.#status.addTraffic(delta));
    this.#responder = new Responder(this.#delivery, this.#documents);
    this.#opened = this.#open();
  }

  handleInstall(event: ExtendableEvent): void {
    // Safe at once: releases are data, and a page keeps working with a worker of another version.
    event.waitUntil(this.#scope.skipWaiting());
  }

  handleActivate(event: ExtendableEvent): void {
    event.waitUntil(this.#activate());
  }

  handleFetch(event: FetchEvent): void {
    // Our own, for the other listeners: see #passOn.
    if (!event.isTrusted) return;
    const decision = route(event.request, this.#scope.registration.scope);
    switch (decision.kind) {
      case 'pass':
        return;
      case 'off':
        event.waitUntil(this.#bypassed.add(event.resultingClientId));
        return;
      case 'path':
        if (event.request.mode === 'navigate') event.waitUntil(this.#checkNow(CHECK_INTERVAL_MS));
        if (this.#passesForSure(event, decision.path)) return;
        event.respondWith(this.#answer(event, decision.path));
        return;
      default:
        decision satisfies never;
    }
  }

  handleMessage(event: ExtendableMessageEvent): void {
    let message: PageMessage;
    try {
      message = decodePageMessage(openPosted(event.data));
    } catch {
      // A message of the app's own, or of a page of another version: not ours to answer.
      return;
    }
    switch (message.type) {
      case 'watch':
        event.waitUntil(this.#sendStatus(event.source));
        return;
      case 'lead':
        this.#lead(message.version, event.ports[0], event.source);
        return;
      case 'claim':
        event.waitUntil(this.#activate());
        return;
      case 'keep-alive':
        // The event itself is what keeps the worker alive.
        return;
      case 'loaded':
        this.#adopting = this.#adopt(message.urls, event.source as Client);
        event.waitUntil(this.#adopting);
        return;
      case 'prefetch':
        event.waitUntil(reply(event.ports[0], this.#prefetch(message.urls)));
        return;
      case 'check':
        event.waitUntil(reply(event.ports[0], this.#check()));
        return;
      default:
        message satisfies never;
    }
  }

  async #open(): Promise<void> {
    await Promise.all([this.#releases.open(), this.#status.open(), this.#bypassed.open(), this.#documents.open()]);
    this.#isOpen = true;
  }

  async #activate(): Promise<void> {
    await this.#opened;
    if (this.#releases.active === undefined) {
      const timeOut = new Promise<void>((resolve) => this.#ports.clock.after(FIRST_RELEASE_WAIT_MS, resolve));
      await Promise.race([this.#checkNow(0), timeOut]);
    }
    await this.#scope.clients.claim();
  }

  /** Decided in the event itself where it can be: then the browser goes on as if there were no worker. */
  #passesForSure(event: FetchEvent, path: string): boolean {
    if (!this.#isOpen || (event.request.mode === 'navigate' && this.#releases.hasNext)) return false;
    if (this.#isBypassed(event)) return true;
    const { active } = this.#releases;
    return active === undefined || fileAt(active.manifest, path) === undefined;
  }

  /** Always resolves where the network does: what fails here is left to it. */
  async #answer(event: FetchEvent, path: string): Promise<Response> {
    try {
      await this.#opened;
      if (!this.#isBypassed(event)) {
        await this.#activateNextFor(event);
        const release = this.#releases.active;
        const file = release && fileAt(release.manifest, path);
        if (file) return await this.#responder.respond(event.request, release, file, (work) => event.waitUntil(work));
      }
    } catch {
      // No source has the beginning, or a header that protects is unknown: the network's answer is the right one.
    }
    return this.#passOn(event) ?? fetch(event.request);
  }

  /**
   * What the other listeners of an app's own worker answer. It was not known in time that the event is theirs, and an
   * event that was answered goes to no further listener: they get one like it.
   */
  #passOn(event: FetchEvent): Promise<Response> | undefined {
    let answer: Promise<Response> | undefined;
    const again = new FetchEvent('fetch', event);
    const methods: Pick<FetchEvent, 'respondWith' | 'waitUntil'> = {
      respondWith(response) {
        again.stopImmediatePropagation();
        answer = Promise.resolve(response);
      },
      waitUntil: (work) => event.waitUntil(work),
    };
    // Of an event that the browser did not make, these throw.
    Object.assign(again, methods);
    this.#scope.dispatchEvent(again);
    return answer;
  }

  /** A page that is off takes its workers with it. */
  #isBypassed(event: FetchEvent): boolean {
    // A navigation's client is, in Chromium, the page that is left: that one being off says nothing about the next.
    if (event.request.mode === 'navigate' || !this.#bypassed.has(event.clientId)) return false;
    if (event.resultingClientId !== '') event.waitUntil(this.#bypassed.add(event.resultingClientId));
    return true;
  }

  /** Like a waiting worker, the next release waits until no page of the active one is left. */
  async #activateNextFor(event: FetchEvent): Promise<void> {
    const { request, resultingClientId } = event;
    if (!this.#releases.hasNext || request.mode !== 'navigate' || request.destination !== 'document') return;
    if (await this.#windows.isFirstPage(request, resultingClientId)) await this.#releases.activateNext();
  }

  #releasesChanged(): void {
    const { active, known } = this.#releases;
    this.#status.setRelease(
      active === undefined ? null : { sequence: active.manifest.sequence, version: active.manifest.version },
    );
    const manifests = known.map((release) => release.manifestBytes.buffer);
    this.#leader.setReleases({ type: 'releases', config: this.#config, manifests });
  }

  /** Never rejects: no release, or no news, is a state like any other. */
  async #checkNow(intervalMs: number): Promise<void> {
    await this.#opened;
    const nowMs = this.#ports.clock.now();
    if (this.#releases.active !== undefined && nowMs - this.#checkedAtMs < intervalMs) return;
    try {
      await this.#check();
    } catch {
      // Away, or refused: what there is stays in use, and the next navigation asks again.
    }
  }

  async #check(): Promise<void> {
    await this.#opened;
    this.#checkedAtMs = this.#ports.clock.now();
    let failure: unknown;
    try {
      await this.#releases.check();
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      if (await isRetired(this.#ports, this.#scope, failure, Date.now())) {
        // From here on everything passes; pages that are open go on with the network.
        this.#releases.forget();
        await this.#windows.tell({ type: 'retired' });
        await this.#ports.remove();
      }
    }
  }

  async #sendStatus(client: ExtendableMessageEvent['source']): Promise<void> {
    await this.#opened;
    client?.postMessage(posted({ type: 'status', version: PROTOCOL_VERSION, status: this.#status.current }));
  }

  #lead(version: number, port: MessagePort | undefined, client: ExtendableMessageEvent['source']): void {
    if (port === undefined) return;
    if (version !== PROTOCOL_VERSION) {
      port.close();
      return;
    }
    const leaderPort: LeaderPort = { post: (request) => port.postMessage(request), close: () => port.close() };
    port.addEventListener('message', ({ data }) => this.#leader.handleMessage(leaderPort, data));
    // Chromium tells when the other end is gone; elsewhere silence does.
    port.addEventListener('close', () => this.#leader.disconnect(leaderPort));
    port.start();
    this.#leaderClient = client !== null && 'id' in client ? client.id : undefined;
    this.#leader.connect(leaderPort);
  }

  async #adopt(urls: readonly string[], page: Client): Promise<void> {
    await this.#checkNow(CHECK_INTERVAL_MS);
    const { active } = this.#releases;
    if (active === undefined) return;
    const loaded = new Map<ReleaseFile, string>();
    // The document first, also when its load has not ended and the page does not tell of it yet.
    for (const url of [page.url, ...urls]) {
      const file = this.#fileOf(url);
      if (file !== undefined) loaded.set(file, url);
    }
    // During an upload, or behind a cache that keeps the pointer, the page may be of the next release already.
    const onForeign = (): Promise<void> => this.#bypassed.add(page.id);
    await new Adoption(this.#ports, this.#delivery.writer, this.#documents, onForeign).adopt(active.manifest, loaded);
  }

  async #prefetch(urls: readonly string[]): Promise<void> {
    // A worker that was retired, and is revived by another tab, controls a new page before it has a release again.
    await Promise.all([this.#adopting, this.#checkNow(Number.POSITIVE_INFINITY)]);
    const { active } = this.#releases;
    const files = new Set(urls.map((url) => this.#fileOf(url)));
    if (active === undefined || files.delete(undefined)) throw new NotInReleaseError();
    await prefetch(this.#ports.store, this.#delivery, active.manifest, [...files] as ReleaseFile[]);
  }

  #fileOf(url: string): ReleaseFile | undefined {
    const { scope } = this.#scope.registration;
    if (!URL.canParse(url, scope)) return undefined;
    const decision = route(new Request(new URL(url, scope)), scope);
    const { active } = this.#releases;
    return decision.kind === 'path' && active ? fileAt(active.manifest, decision.path) : undefined;
  }
}

async function reply(port: MessagePort | undefined, work: Promise<void>): Promise<void> {
  let message: Reply = { type: 'done' };
  try {
    await work;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'failed';
    message = { type: 'failed', code, message: error instanceof Error ? error.message : String(error) };
  }
  port?.postMessage(message);
}
