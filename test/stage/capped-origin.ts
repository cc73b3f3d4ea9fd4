import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Stage } from './stage.ts';

/** What every response hands over at a time, so that they share the line fairly. */
const SLICE_BYTES = 64 * 1024;
/** Unused time that may be caught up with: timers are a millisecond or two late. */
const BURST_MS = 10;

/** The content of a stage's origin behind one line of a given speed, which all downloads share. */
export class CappedOrigin {
  readonly #stage: Stage;
  readonly #bytesPerMs: number;
  readonly #contents = new Map<string, Promise<Buffer>>();
  #freeAtMs = 0;

  /** `mbps` are decimal megabits a second of body bytes; `isContent` says which paths are behind the line. */
  constructor(stage: Stage, mbps: number, isContent: (path: string) => boolean) {
    this.#stage = stage;
    this.#bytesPerMs = (mbps * 1000) / 8;
    stage.answer = (path, request, response) => {
      if (!isContent(path)) return false;
      void this.#send(path, request, response);
      return true;
    };
  }

  async #send(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const content = await this.#content(path);
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    const start = Number(first ?? 0);
    const end = last === undefined || last === '' ? content.length : Math.min(Number(last) + 1, content.length);
    response.setHeader('Content-Type', 'application/octet-stream');
    response.setHeader('Accept-Ranges', 'bytes');
    // Everyone here is a browser of its own that loads once; and Chromium's cache would hold up parallel ranges.
    response.setHeader('Cache-Control', 'no-store');
    response.setHeader('Content-Length', end - start);
    if (first !== undefined) {
      response.statusCode = 206;
      response.setHeader('Content-Range', `bytes ${start}-${end - 1}/${content.length}`);
    }
    // Nothing of the content crosses the line.
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    for (let at = start; at < end && !response.destroyed; at += SLICE_BYTES) {
      const slice = content.subarray(at, Math.min(at + SLICE_BYTES, end));
      await this.#takeTurn(slice.length);
      if (!response.write(slice)) await drained(response);
    }
    response.end();
  }

  /** Resolves when the line has room for so many bytes; first come, first served. */
  async #takeTurn(bytes: number): Promise<void> {
    const nowMs = performance.now();
    this.#freeAtMs = Math.max(this.#freeAtMs, nowMs - BURST_MS) + bytes / this.#bytesPerMs;
    if (this.#freeAtMs > nowMs) await delay(this.#freeAtMs - nowMs);
  }

  #content(path: string): Promise<Buffer> {
    const content = this.#contents.get(path) ?? readFile(join(this.#stage.out, path));
    this.#contents.set(path, content);
    return content;
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}
