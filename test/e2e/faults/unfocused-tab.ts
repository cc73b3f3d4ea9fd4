import type { Browser, CDPSession } from 'playwright';

interface Answer {
  readonly result?: {
    readonly result?: { readonly value?: unknown };
    readonly exceptionDetails?: { readonly exception?: { readonly description?: string } };
  };
  readonly error?: { readonly message: string };
}

/** A tab's script runner: a Playwright `Page` is one, and so is an UnfocusedTab. */
export interface Scripted {
  evaluate<Result, Argument>(
    script: (argument: Argument) => Result | Promise<Result>,
    argument: Argument,
  ): Promise<Result>;
}

/**
 * A user of their own, whose tabs are opened past Playwright. Playwright keeps every page of its contexts focused and so
 * visible, and Chromium freezes hidden ones only; here, as in a window, the tab that was opened last covers the others.
 */
export class UnfocusedWindow {
  readonly #session: CDPSession;
  readonly #browserContextId: string;

  private constructor(session: CDPSession, browserContextId: string) {
    this.#session = session;
    this.#browserContextId = browserContextId;
  }

  static async open(browser: Browser): Promise<UnfocusedWindow> {
    const session = await browser.newBrowserCDPSession();
    const { browserContextId } = await session.send('Target.createBrowserContext');
    return new UnfocusedWindow(session, browserContextId);
  }

  /** A tab at this URL; the one that was open before is hidden from now on. */
  async tab(url: string): Promise<UnfocusedTab> {
    const context = { browserContextId: this.#browserContextId };
    const { targetId } = await this.#session.send('Target.createTarget', { url, ...context });
    // Not flattened: Playwright would not know whose answers come.
    const { sessionId } = await this.#session.send('Target.attachToTarget', { targetId, flatten: false });
    return new UnfocusedTab(this.#session, sessionId);
  }
}

export class UnfocusedTab implements Scripted {
  readonly #session: CDPSession;
  readonly #sessionId: string;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #next = 1;

  constructor(session: CDPSession, sessionId: string) {
    this.#session = session;
    this.#sessionId = sessionId;
    session.on('Target.receivedMessageFromTarget', ({ sessionId: from, message }) => {
      if (from !== sessionId) return;
      const answer = JSON.parse(message) as Answer & { readonly id?: number };
      if (answer.id !== undefined) this.#waiting.get(answer.id)?.(answer);
    });
  }

  async evaluate<Result, Argument>(
    script: (argument: Argument) => Result | Promise<Result>,
    argument: Argument,
  ): Promise<Result> {
    const expression = `(${String(script)})(${argument === undefined ? '' : JSON.stringify(argument)})`;
    const { result } = await this.send('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true });
    const failure = result?.exceptionDetails?.exception?.description;
    if (failure !== undefined) throw new Error(failure);
    return result?.result?.value as Result;
  }

  async send(method: string, params: object = {}): Promise<Answer> {
    const id = this.#next;
    this.#next += 1;
    const answered = new Promise<Answer>((resolve) => {
      this.#waiting.set(id, resolve);
    });
    const message = JSON.stringify({ id, method, params });
    await this.#session.send('Target.sendMessageToTarget', { sessionId: this.#sessionId, message });
    const answer = await answered;
    if (answer.error) throw new Error(`${method}: ${answer.error.message}`);
    return answer;
  }
}
