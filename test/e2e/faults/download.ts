import { expect } from 'vitest';
import { POLL } from '../client-site.ts';
import type { Scripted } from './unfocused-tab.ts';

interface Progress {
  holdAt: number;
  goOn: () => void;
  bytes: number;
  attempts: number;
  readonly hash: Promise<string>;
}

const MAX_ATTEMPTS = 20;

/**
 * A file that a page fetches as an app would: it reads the body piece by piece, and starts again when the body breaks.
 * Every attempt that ends without an error counts, so wrong or missing bytes cannot hide behind a second attempt.
 */
export class Download {
  readonly #tab: Scripted;

  private constructor(tab: Scripted) {
    this.#tab = tab;
  }

  /**
   * Reads a mebibyte, waits a moment, reads the next one: there is time to do something meanwhile.
   *
   * @param holdAt reads no further than this before `goOn`: what comes later than the browser reads ahead is certainly
   *   still to be had.
   */
  static async start(tab: Scripted, path: string, holdAt = Number.MAX_SAFE_INTEGER): Promise<Download> {
    await tab.evaluate(
      ([target, maxAttempts, firstHold]) => {
        const progress = { bytes: 0, attempts: 0, holdAt: firstHold, goOn: (): void => undefined };
        const read = async (): Promise<string> => {
          progress.attempts += 1;
          progress.bytes = 0;
          const response = await fetch(target);
          const reader = response.body?.getReader();
          if (!response.ok || reader === undefined) throw new Error(`HTTP ${response.status}`);
          const parts: Uint8Array[] = [];
          let paused = 0;
          for (let part = await reader.read(); !part.done; part = await reader.read()) {
            parts.push(part.value);
            progress.bytes += part.value.length;
            if (progress.bytes - paused < 1024 * 1024) continue;
            paused = progress.bytes;
            if (progress.bytes >= progress.holdAt) await new Promise<void>((resolve) => (progress.goOn = resolve));
            await new Promise((resolve) => setTimeout(resolve, 100));
          }
          const digest = await crypto.subtle.digest('SHA-256', await new Blob(parts as BlobPart[]).arrayBuffer());
          return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
        };
        const readWhole = async (): Promise<string> => {
          try {
            return await read();
          } catch (error) {
            if (progress.attempts >= maxAttempts) throw error;
            await new Promise((resolve) => setTimeout(resolve, 500));
            return readWhole();
          }
        };
        const hash = readWhole();
        hash.catch(() => undefined);
        Object.assign(globalThis, { download: Object.assign(progress, { hash }) });
      },
      [path, MAX_ATTEMPTS, holdAt] as const,
    );
    return new Download(tab);
  }

  /** Resolves when the page has read so much. */
  async reached(bytes: number): Promise<void> {
    await expect.poll(() => this.#bytes(), { ...POLL, interval: 20 }).toBeGreaterThanOrEqual(bytes);
  }

  async goOn(): Promise<void> {
    await this.#tab.evaluate(() => {
      const { download } = globalThis as unknown as { download: Progress };
      download.holdAt = Number.MAX_SAFE_INTEGER;
      download.goOn();
    }, undefined);
  }

  #bytes(): Promise<number> {
    return this.#tab.evaluate(() => (globalThis as unknown as { download: Progress }).download.bytes, undefined);
  }

  /** The SHA-256 of what the page got. */
  hash(): Promise<string> {
    return this.#tab.evaluate(() => (globalThis as unknown as { download: Progress }).download.hash, undefined);
  }

  /** How often the page had to begin. */
  attempts(): Promise<number> {
    return this.#tab.evaluate(() => (globalThis as unknown as { download: Progress }).download.attempts, undefined);
  }
}
