import {
  decodeReply,
  decodeWorkerMessage,
  openPosted,
  type PageMessage,
  posted,
  type Reply,
  type WorkerStatus,
} from '../protocol/bridge-message.ts';
import { PROTOCOL_VERSION } from '../protocol/version.ts';
import { TabseedError } from './errors.ts';
import type { WorkerScript } from './worker-script.ts';

export interface WorkerLinkHandlers {
  onStatus(status: WorkerStatus): void;
  onLeaderWanted(): void;
  onTakeOver(): void;
  /** The worker removes itself and what is stored. */
  onRetired(): void;
  /** Whether this page has the frame or worker with this URL. */
  isOurs(url: string): boolean;
  /** Another instance of the worker controls the page: what the former one knew is gone. */
  onWorkerChange(): void;
  onError(error: TabseedError): void;
}

/** This page's side of the messages between pages and worker. A worker of another protocol version is ignored. */
export class WorkerLink {
  readonly #container: ServiceWorkerContainer;
  readonly #script: WorkerScript;
  readonly #handlers: WorkerLinkHandlers;

  constructor(container: ServiceWorkerContainer, script: WorkerScript, handlers: WorkerLinkHandlers) {
    this.#container = container;
    this.#script = script;
    this.#handlers = handlers;
    container.addEventListener('message', (event) => this.#receive(event));
    container.addEventListener('controllerchange', () => {
      if (this.#worker) handlers.onWorkerChange();
    });
    // Listeners that are added with `addEventListener` get nothing before DOMContentLoaded otherwise.
    container.startMessages();
  }

  /** False when our worker does not control this page (any more). */
  post(message: PageMessage, transfer: Transferable[] = []): boolean {
    this.#worker?.postMessage(posted(message), transfer);
    return this.#worker !== undefined;
  }

  /** @throws TabseedError `request-failed`, `worker-gone` */
  async request(message: PageMessage): Promise<void> {
    const { port1, port2 } = new MessageChannel();
    const reply = new Promise<Reply>((resolve, reject) => {
      const gone = (): void => reject(new TabseedError('worker-gone', 'the worker ended before it answered'));
      port1.addEventListener('message', ({ data }) => {
        try {
          resolve(decodeReply(data));
        } catch (cause) {
          reject(new TabseedError('bad-message', 'reply of the worker', { cause }));
        }
      });
      // Fired when the other side ended with its worker; where it does not exist, the caller waits on.
      port1.addEventListener('close', gone);
      port1.start();
      if (!this.post(message, [port2])) gone();
    });
    try {
      const answer = await reply;
      if (answer.type === 'failed') {
        throw new TabseedError('request-failed', answer.message, { detail: answer.code });
      }
    } finally {
      port1.close();
    }
  }

  get #worker(): ServiceWorker | undefined {
    const { controller } = this.#container;
    return controller?.scriptURL === this.#script.url ? controller : undefined;
  }

  #receive({ data, source, ports }: MessageEvent): void {
    // The page's other workers, and a former one of ours that is about to end, may post to the same container.
    if (source === null || !('scriptURL' in source) || source.scriptURL !== this.#script.url) return;
    const content = openPosted(data);
    // The app's own, where the worker is.
    if (content === undefined) return;
    try {
      const message = decodeWorkerMessage(content);
      switch (message.type) {
        case 'status':
          if (message.version === PROTOCOL_VERSION) this.#handlers.onStatus(message.status);
          return;
        case 'leader-wanted':
          this.#handlers.onLeaderWanted();
          return;
        case 'take-over':
          this.#handlers.onTakeOver();
          return;
        case 'retired':
          this.#handlers.onRetired();
          return;
        case 'whose':
          if (this.#handlers.isOurs(message.url)) ports[0]?.postMessage(true);
          return;
        default:
          message satisfies never;
      }
    } catch (cause) {
      this.#handlers.onError(new TabseedError('bad-message', 'message of the worker', { cause }));
    }
  }
}
