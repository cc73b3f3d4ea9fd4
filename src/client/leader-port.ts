import { decodeLeaderRequest, type LeaderRequest, type LeaderResponse } from '../protocol/bridge-message.ts';
import type { Releases, Want } from './engine.ts';
import type { EngineSlot } from './engine-slot.ts';

export interface LeaderPortHandlers {
  /** The worker takes messages on this port, and told what it serves: once, and whenever that changes. */
  onReleases(releases: Releases): void;
  /** Called when the number of unanswered wants goes from none to some or back. */
  onBusy(busy: boolean): void;
  /** The worker ended. Not told by every browser. */
  onClosed(): void;
  /** A request that this version cannot read. */
  onBadRequest(cause: unknown): void;
}

/** Answers one worker on one MessagePort from the engine. */
export class LeaderPort {
  readonly #port: MessagePort;
  readonly #slot: EngineSlot;
  readonly #handlers: LeaderPortHandlers;
  readonly #wants = new Map<number, Want>();
  #accepted = false;

  constructor(port: MessagePort, slot: EngineSlot, handlers: LeaderPortHandlers) {
    this.#port = port;
    this.#slot = slot;
    this.#handlers = handlers;
    port.addEventListener('message', ({ data }) => {
      try {
        this.#answer(decodeLeaderRequest(data));
      } catch (cause) {
        handlers.onBadRequest(cause);
      }
    });
    port.addEventListener('close', () => handlers.onClosed());
    port.start();
  }

  /** The worker is known to listen. */
  get accepted(): boolean {
    return this.#accepted;
  }

  send(response: LeaderResponse, transfer: Transferable[] = []): void {
    this.#port.postMessage(response, transfer);
  }

  /** Cancels what is open: the worker asks again on the next port. */
  close(): void {
    this.#accepted = false;
    this.#port.close();
    for (const want of this.#wants.values()) want.cancel();
    this.#wants.clear();
  }

  #answer(request: LeaderRequest): void {
    switch (request.type) {
      case 'want':
        // Before anything else: without it the worker soon goes to the origin.
        this.send({ type: 'ack', request: request.request });
        this.#want(request);
        return;
      case 'cancel':
        this.#wants.get(request.request)?.cancel();
        this.#settle(request.request);
        return;
      case 'stored':
        this.#slot.noteStored(request.chunks);
        return;
      case 'releases':
        this.#slot.setReleases(request);
        this.#accepted = true;
        this.#handlers.onReleases(request);
        return;
      default:
        request satisfies never;
    }
  }

  #want({ request, chunks, urgency }: Extract<LeaderRequest, { type: 'want' }>): void {
    let open = new Set(chunks).size;
    if (open === 0) return;
    const settleOne = (): void => {
      open -= 1;
      if (open === 0) this.#settle(request);
    };
    // Entered before the fetch, which may answer at once.
    if (this.#wants.size === 0) this.#handlers.onBusy(true);
    const task: { want?: Want } = {};
    this.#wants.set(request, { cancel: () => task.want?.cancel() });
    task.want = this.#slot.fetch(chunks, urgency, {
      onChunk: (chunk, plain, source) => {
        const bytes = wholeBuffer(plain);
        this.send({ type: 'chunk', request, chunk, source, bytes }, [bytes]);
        settleOne();
      },
      onMissing: (chunk) => {
        this.send({ type: 'missing', request, chunk });
        settleOne();
      },
    });
  }

  #settle(request: number): void {
    if (this.#wants.delete(request) && this.#wants.size === 0) this.#handlers.onBusy(false);
  }
}

/** The buffer to transfer: the engine gives the bytes away, but they may be a part of something larger. */
function wholeBuffer(plain: Uint8Array<ArrayBuffer>): ArrayBuffer {
  return plain.byteLength === plain.buffer.byteLength ? plain.buffer : plain.slice().buffer;
}
