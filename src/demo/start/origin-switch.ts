import type { IncomingMessage, ServerResponse } from 'node:http';

/** What the origin refuses while it is off: all that peers can give. The page, its scripts and the pointer stay. */
const REFUSED = /\/(?:tabseed\/pack-[^/]*|monaco\/.*)$/;

/** Lets a visitor of the demo take the origin away, to see that the app still arrives. */
export class OriginSwitch {
  #isOn = true;

  /** @returns whether the origin gives everything from now on. */
  toggle(): boolean {
    this.#isOn = !this.#isOn;
    return this.#isOn;
  }

  /** For the server's `intercept`: answers 503 where it refuses. */
  intercept(request: IncomingMessage, response: ServerResponse): boolean {
    if (this.#isOn || !REFUSED.test(new URL(request.url ?? '/', 'http://origin').pathname)) return false;
    response.writeHead(503, { 'Content-Type': 'text/plain', 'Cache-Control': 'no-store' });
    response.end('the demo has switched its origin off\n');
    return true;
  }
}
