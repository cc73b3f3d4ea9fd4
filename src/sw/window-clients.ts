import { posted, type WorkerMessage } from '../protocol/bridge-message.ts';
import { withoutFragment } from '../protocol/fragment.ts';

/** The windows of the scope, also those that this worker does not control. */
export class WindowClients {
  readonly #scope: ServiceWorkerGlobalScope;

  constructor(scope: ServiceWorkerGlobalScope) {
    this.#scope = scope;
  }

  /** Resolves with false when there is nobody to hear it. */
  async tell(message: WorkerMessage): Promise<boolean> {
    const windows = await this.#all();
    for (const window of windows) window.postMessage(posted(message));
    return windows.length > 0;
  }

  /** To one window that its user sees, and that is not `except` where there is a choice. */
  async tellVisible(message: WorkerMessage, except: string | undefined): Promise<void> {
    const visible = (await this.#all()).filter((window) => window.visibilityState === 'visible');
    const others = visible.filter((window) => window.id !== except);
    const best = others.find((window) => window.focused) ?? others[0] ?? visible[0];
    best?.postMessage(posted(message));
  }

  /**
   * Whether no page but the one that is being navigated to is open. The page that a reload replaces is still listed
   * then, as no browser fills in `replacesClientId`: it is the only one, has the same URL, and the request revalidates.
   */
  async isFirstPage(navigation: Request, resultingClientId: string): Promise<boolean> {
    const pages = (await this.#all()).filter(({ id, frameType }) => id !== resultingClientId && frameType !== 'nested');
    const [page] = pages;
    if (!page) return true;
    const isReload = navigation.cache === 'no-cache' || navigation.cache === 'reload';
    return pages.length === 1 && isReload && withoutFragment(page.url) === withoutFragment(navigation.url);
  }

  /** Resolves with the id of the window that says that this frame or worker is its own, if one does. */
  async ownerOf(url: string): Promise<string> {
    const windows = await this.#all();
    return new Promise((resolve) => {
      for (const window of windows) {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => resolve(window.id);
        window.postMessage(posted({ type: 'whose', url }), [port2]);
      }
    });
  }

  /** Pages, frames and workers that are here now, also those that this worker does not control. */
  everyone(): Promise<readonly Client[]> {
    return this.#scope.clients.matchAll({ type: 'all', includeUncontrolled: true });
  }

  async #all(): Promise<readonly WindowClient[]> {
    const { scope } = this.#scope.registration;
    return (await this.everyone()).filter(
      (client): client is WindowClient => client.type === 'window' && client.url.startsWith(scope),
    );
  }
}
