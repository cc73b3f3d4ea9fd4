import type { LoadedRelease } from '../platform/release-source.ts';
import { decodePageMessage, openPosted, type PageMessage, posted, type Reply } from '../protocol/bridge-message.ts';
import type { ReleaseFile } from '../protocol/manifest.ts';
import type { ReleaseNews, StagingProgress } from '../protocol/release-news.ts';
import { PROTOCOL_VERSION } from '../protocol/version.ts';
import type { WorkerConfig } from '../protocol/worker-config.ts';
import { Adoption } from './adoption.ts';
import { CheckSchedule, PATIENCE_MS } from './check-schedule.ts';
import { Delivery } from './delivery.ts';
import { DocumentHeaders } from './document-headers.ts';
import { RequestError } from './errors.ts';
import { LeaderBridge } from './leader-bridge.ts';
import { NO_RELEASE, Pins } from './pins.ts';
import { prefetch } from './prefetch.ts';
import { Releases } from './releases.ts';
import { Responder } from './responder.ts';
import { isRetired } from './retirement.ts';
import { fileAt, route } from './route.ts';
import { StatusBoard } from './status-board.ts';
import { WindowClients } from './window-clients.ts';
import type { WorkerPorts } from './worker-ports.ts';

/** A page that is starting may be busy for so long; one that is frozen, or older than the question, never answers. */
const OWNER_MS = 1000;

/** The service worker's events, each handled in the terms of its parts. */
export class TabseedWorker {
  readonly #scope: ServiceWorkerGlobalScope;
  readonly #config: WorkerConfig;
  readonly #ports: WorkerPorts;
  readonly #windows: WindowClients;
  readonly #status: StatusBoard;
  readonly #leader: LeaderBridge;
  readonly #releases: Releases;
  readonly #schedule: CheckSchedule;
  readonly #pins: Pins;
  readonly #documents: DocumentHeaders;
  readonly #delivery: Delivery;
  readonly #responder: Responder;
  readonly #opened: Promise<void>;
  #isOpen = false;
  #leaderClient: string | undefined;
  /** What a page has loaded plainly is not to be prefetched again. */
  #adopting: Promise<unknown> | undefined;

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
        this.#status.set({ peers });
      },
      onConnected: (leader) => this.#status.set(leader ? { leader } : { leader, peers: 0 }),
    });
    this.#releases = new Releases(ports, () => this.#releasesChanged());
    this.#schedule = new CheckSchedule(ports.clock);
    this.#pins = new Pins(ports.records);
    this.#documents = new DocumentHeaders(ports.records, (path) => ports.headersOf(path));
    this.#delivery = new Delivery(ports, this.#leader, (delta) => this.#status.addTraffic(delta));
    this.#responder = new Responder(this.#delivery, this.#documents, ports.startCache);
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
      case 'off':
        event.waitUntil(this.#pins.set(event.resultingClientId, NO_RELEASE));
        return;
      case 'script':
        event.respondWith(this.#ports.startCache.script(event.request));
        return;
      case 'path':
        if (event.request.mode === 'navigate') event.waitUntil(this.#schedule.leaveToPage(() => this.#checkNow()));
        if (this.#passesForSure(event, decision.path)) return;
        event.respondWith(this.#answer(event, decision.path));
        return;
      default:
        decision.kind satisfies 'pass';
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
    // The event itself is what keeps the worker alive.
    if (message.type === 'lead') this.#lead(message.version, event.ports[0], event.source);
    else event.waitUntil(reply(event.ports[0], this.#workOn(message, event.source as Client)));
  }

  #workOn(message: Exclude<PageMessage, { type: 'lead' }>, page: Client): Promise<unknown> | undefined {
    switch (message.type) {
      case 'watch':
        return this.#sendStatus(page, message.release);
      case 'claim':
        return this.#activate();
      case 'loaded':
        this.#adopting = Promise.all([this.#adopting, this.#adopt(message.urls, page)]);
        return this.#adopting;
      case 'prefetch':
        return this.#prefetch(message.urls, page.id);
      case 'check':
        return this.#check(message.intervalMs, message.offer);
      case 'apply':
        return this.#apply();
      case 'uninstall':
        return this.#uninstall();
      case 'staging':
        return this.#staging(message.progress);
      default:
        message.type satisfies 'keep-alive';
        return undefined;
    }
  }

  async #open(): Promise<void> {
    await Promise.all([this.#releases.open(), this.#status.open(), this.#pins.opened, this.#documents.open()]);
    this.#isOpen = true;
  }

  async #activate(): Promise<void> {
    await this.#opened;
    if (!this.#releases.active) await Promise.race([this.#checkNow(0), this.#wait(PATIENCE_MS)]);
    await this.#scope.clients.claim();
  }

  #wait(milliseconds: number): Promise<void> {
    return new Promise((resolve) => this.#ports.clock.after(milliseconds, resolve));
  }

  /** Decided in the event itself where it can be: then the browser goes on as if there were no worker. */
  #passesForSure(event: FetchEvent, path: string): boolean {
    if (!this.#isOpen) return false;
    const { request, clientId, resultingClientId } = event;
    // A navigation's client is, in Chromium, the page that is left: that one being off says nothing about the next.
    const isOff = request.mode !== 'navigate' && this.#pins.get(clientId) === NO_RELEASE;
    // A page that is off takes its workers with it.
    if (isOff) event.waitUntil(this.#pins.set(resultingClientId, NO_RELEASE));
    return isOff || !this.#releases.known.some(({ manifest }) => fileAt(manifest, path, request.mode));
  }

  /** Always resolves where the network does: what fails here is left to it. */
  async #answer(event: FetchEvent, path: string): Promise<Response> {
    try {
      await this.#opened;
      const release = await this.#releaseFor(event, path);
      const file = this.#use(release, path, event.request.mode);
      if (file) return await this.#responder.responseFor(event, release as LoadedRelease, file);
    } catch {
      // No source has the beginning, or a header that protects is unknown: the network's answer is the right one.
    }
    return this.#passOn(event) ?? fetch(event.request);
  }

  /**
   * What the other listeners of an app's own worker answer. It was not known in time that the event is theirs, and an
   * event that was answered goes to no further listener: they get one like it.
   */
  #passOn(event: FetchEvent): Response | PromiseLike<Response> | undefined {
    let answer: Response | PromiseLike<Response> | undefined;
    const again = new FetchEvent('fetch', event);
    const methods: Pick<FetchEvent, 'respondWith' | 'waitUntil'> = {
      respondWith(response) {
        again.stopImmediatePropagation();
        answer = response;
      },
      waitUntil: (work) => event.waitUntil(work),
    };
    // Of an event that the browser did not make, these throw.
    Object.assign(again, methods);
    this.#scope.dispatchEvent(again);
    return answer;
  }

  /** The release that a request is answered from, and that the page, frame or worker which it begins stays with. */
  async #releaseFor(event: FetchEvent, path: string): Promise<LoadedRelease | undefined> {
    const { request, clientId, resultingClientId } = event;
    const isNavigation = request.mode === 'navigate';
    let release: LoadedRelease | undefined;
    if (isNavigation && request.destination === 'document') {
      await this.#activateNextFor(request, resultingClientId);
      release = this.#releases.active;
    } else release = await this.#releaseOf(clientId, path, request.url);
    event.waitUntil(this.#pins.set(resultingClientId, release?.manifest.sequence ?? NO_RELEASE));
    return release;
  }

  /**
   * That of a client, `undefined` where it is none. Frames and blob workers come with an id that nothing has announced:
   * they get the release on which the pages that are here agree, else the one that the path tells, else that of the page
   * whose they are. If none says so, it is the newest.
   *
   * @param url what is asked for: by a frame that is none of the clients yet, its document
   */
  async #releaseOf(client: string, path: string, url: string): Promise<LoadedRelease | undefined> {
    const pinned = this.#pins.get(client);
    // A release that was withdrawn: its pages get what the origin would give them, files of the active one.
    if (pinned !== undefined) return pinned === NO_RELEASE ? undefined : this.#find(pinned);
    const all = await this.#windows.everyone();
    this.#pins.refresh(all);
    const sequences = new Set(all.map(({ id }) => this.#pins.get(id)));
    const live = this.#releases.known.filter(({ manifest }) => sequences.has(manifest.sequence));
    const having = live.length > 1 ? live.filter(({ manifest }) => fileAt(manifest, path)) : live;
    let [release] = having;
    if (having[1]) {
      const owned = all.find(({ id }) => id === client)?.url ?? url;
      const owner = await Promise.race([this.#windows.ownerOf(owned), this.#wait(OWNER_MS) as Promise<undefined>]);
      release = this.#releases.find(this.#pins.get(owner)) ?? release;
    }
    if (release) void this.#pins.set(client, release.manifest.sequence);
    return release ?? this.#releases.active;
  }

  #find(sequence: number): LoadedRelease | undefined {
    return this.#releases.find(sequence) ?? this.#releases.active;
  }

  /** Like a waiting worker, the next release waits until no page is left, unless it is applied. */
  async #activateNextFor(request: Request, resultingClientId: string): Promise<void> {
    if (!this.#releases.isNextStaged) return;
    if (await this.#windows.isFirstPage(request, resultingClientId)) await this.#releases.activate();
  }

  async #apply(): Promise<void> {
    await this.#opened;
    if (!(await this.#releases.activate())) throw new RequestError('no-update', 'no release waits for it');
  }

  /** @param progress untrusted: the pages, which get it, decode it */
  async #staging(progress: unknown): Promise<void> {
    await this.#opened;
    const { sequence, staged } = Object(progress) as Partial<StagingProgress>;
    const { next } = this.#releases;
    // Of another release the news are late.
    if (next?.manifest.sequence !== sequence) return;
    this.#tell(progress as StagingProgress);
    if (staged === true) await this.#releases.stage();
  }

  #releasesChanged(): void {
    const { isNextStaged } = this.#releases;
    this.#tell({ doneBytes: 0, totalBytes: 0, staged: isNextStaged, failure: '' });
    this.#tellLeader();
  }

  #tell(progress: Omit<StagingProgress, 'sequence'>): void {
    const { active, next, known } = this.#releases;
    const news: ReleaseNews = {
      sequences: known.map(({ manifest }) => manifest.sequence),
      update: next ? { ...progress, ...nameOf(next) } : null,
    };
    this.#status.set({ release: active ? nameOf(active) : null, news });
  }

  #tellLeader(): void {
    const { next, isNextStaged, known } = this.#releases;
    const stage = next !== undefined && !isNextStaged;
    const manifests = known.map((release) => release.manifestBytes.buffer);
    const pointers = known.map((release) => release.pointerBytes.buffer);
    this.#leader.setReleases({ type: 'releases', config: this.#config, manifests, pointers, stage });
    if (stage && !this.#leader.isConnected) void this.#windows.tell({ type: 'leader-wanted' });
  }

  /** Never rejects: no release, or no news, is a state like any other. */
  #checkNow(intervalMs?: number): Promise<void> {
    // Away, or refused: what there is stays in use, and the next navigation asks again.
    return this.#check(intervalMs).catch(() => undefined);
  }

  async #check(intervalMs?: number, offer?: unknown): Promise<void> {
    await this.#opened;
    if (this.#releases.active && !this.#schedule.isDue(intervalMs)) return;
    this.#schedule.begin();
    let failure: unknown;
    try {
      // What could not be brought into the store is tried again.
      const isNews = await this.#releases.check(offer);
      if (!isNews && this.#releases.next) this.#releasesChanged();
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      if (await isRetired(this.#ports, this.#scope, failure, Date.now())) await this.#uninstall();
    }
  }

  /** From here on everything passes; pages that are open go on with the network. */
  async #uninstall(): Promise<void> {
    this.#releases.forget();
    await this.#windows.tell({ type: 'retired' });
    await this.#ports.remove();
  }

  /** @param sequence the release of which the page's document is, as far as the page knows it */
  async #sendStatus(client: Client, sequence: number): Promise<void> {
    await this.#opened;
    // It may be back after its pin had died. Of a release that is gone the origin may have more than there is here.
    const pin = this.#pins.get(client.id) ?? this.#releases.find(sequence)?.manifest.sequence ?? NO_RELEASE;
    if (sequence || pin) await this.#pins.set(client.id, pin);
    client.postMessage(posted({ type: 'status', version: PROTOCOL_VERSION, status: this.#status.current }));
    // A page of the active release has started, and what came before it may go.
    const pinned = this.#pins.refresh(await this.#windows.everyone());
    if (pin === this.#releases.active?.manifest.sequence) await this.#releases.dropUnpinned(pinned);
  }

  #lead(version: number, port: MessagePort | undefined, client: ExtendableMessageEvent['source']): void {
    if (!port) return;
    if (version !== PROTOCOL_VERSION) {
      port.close();
      return;
    }
    port.addEventListener('message', ({ data }) => this.#leader.handleMessage(port, data));
    // Chromium tells when the other end is gone; elsewhere silence does.
    port.addEventListener('close', () => this.#leader.disconnectLeader(port));
    port.start();
    this.#leaderClient = (client as Client | null)?.id;
    this.#leader.connectLeader(port);
  }

  async #adopt(urls: readonly string[], page: Client): Promise<void> {
    await this.#checkNow();
    const { active } = this.#releases;
    if (!active) return;
    const loaded = new Map<ReleaseFile, string>();
    // The document first, also when its load has not ended and the page does not tell of it yet.
    for (const url of [page.url, ...urls]) {
      const file = this.#fileOf(url, active);
      if (file) loaded.set(file, url);
    }
    if (this.#pins.get(page.id) !== NO_RELEASE) await this.#pins.set(page.id, active.manifest.sequence);
    // During an upload, or behind a cache that keeps the pointer, the page may be of the next release already.
    const onForeign = (): Promise<void> => this.#pins.set(page.id, NO_RELEASE);
    await new Adoption(this.#ports, this.#delivery.writer, this.#documents, onForeign).adoptLoaded(
      active.manifest,
      loaded,
    );
  }

  async #prefetch(urls: readonly string[], client: string): Promise<void> {
    // A worker that was retired, and is revived by another tab, controls a new page before it has a release again.
    await Promise.all([this.#adopting, this.#checkNow(Number.POSITIVE_INFINITY)]);
    const release = this.#find(this.#pins.get(client) ?? NO_RELEASE);
    const files = new Set(urls.map((url) => this.#fileOf(url, release)));
    if (!release || files.delete(undefined))
      throw new RequestError('not-in-release', 'one of these URLs is no file of the release');
    await prefetch(this.#ports.store, this.#delivery, release.manifest, [...files] as ReleaseFile[]);
  }

  #fileOf(url: string, release: LoadedRelease | undefined): ReleaseFile | undefined {
    const { scope } = this.#scope.registration;
    if (!URL.canParse(url, scope)) return undefined;
    const decision = route(new Request(new URL(url, scope)), scope);
    return decision.kind === 'path' ? this.#use(release, decision.path) : undefined;
  }

  #use(release: LoadedRelease | undefined, path: string, mode?: RequestMode): ReleaseFile | undefined {
    const file = release && fileAt(release.manifest, path, mode);
    if (file) this.#status.noteUse(file.path);
    return file;
  }
}

function nameOf({ manifest: { sequence, version } }: LoadedRelease): { sequence: number; version: string } {
  return { sequence, version };
}

async function reply(port: MessagePort | undefined, work: Promise<unknown> | undefined): Promise<void> {
  let message: Reply = { type: 'done' };
  try {
    await work;
  } catch (error) {
    const { code = 'failed' } = Object(error) as { readonly code?: string | number };
    message = { type: 'failed', code: String(code), message: String(error) };
  }
  port?.postMessage(message);
}
