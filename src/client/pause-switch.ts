import type { PauseScope } from './api.ts';

/** The switch as one tab knows it. */
interface Position {
  readonly paused: PauseScope | null;
  /** Unix milliseconds when somebody moved it, so that a late answer cannot undo a newer wish; 0: never moved. */
  readonly movedAt: number;
}

/**
 * One switch for all tabs of the app in this browser. A tab that wakes up or is new asks the others how it stands, so
 * it lasts as long as one tab lives; it is not kept on disk, because a game that pauses during a match and crashes must
 * not leave Tabseed paused for ever.
 */
export class PauseSwitch {
  readonly #name: string;
  readonly #onChange: () => void;
  #channel: BroadcastChannel | undefined;
  #position: Position = { paused: null, movedAt: 0 };

  constructor(name: string, onChange: () => void) {
    this.#name = name;
    this.#onChange = onChange;
  }

  get paused(): PauseScope | null {
    return this.#position.paused;
  }

  set(paused: PauseScope | null): void {
    // Later than the move that it undoes, even within one millisecond or after the clock was set back.
    this.#turn({ paused, movedAt: Math.max(Date.now(), this.#position.movedAt + 1) });
    this.#channel?.postMessage(this.#position);
  }

  /** Listens to the other tabs, after asking them. */
  wake(): void {
    if (this.#channel) return;
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.onmessage = ({ data }: MessageEvent<unknown>) => this.#receive(data);
    this.#channel.postMessage('ask');
    // Moved before anybody could be told.
    if (this.#position.movedAt > 0) this.#channel.postMessage(this.#position);
  }

  /** Before the page is frozen: a message to an open channel would throw the page out of the back/forward cache. */
  sleep(): void {
    this.#channel?.close();
    this.#channel = undefined;
  }

  #receive(data: unknown): void {
    if (data === 'ask') this.#channel?.postMessage(this.#position);
    else if (isPosition(data) && data.movedAt > this.#position.movedAt) this.#turn(data);
  }

  #turn(position: Position): void {
    const changed = this.#position.paused !== position.paused;
    this.#position = position;
    if (changed) this.#onChange();
  }
}

/** Also for what a page's script calls with: TypeScript may not have seen it. */
export function isPauseScope(value: unknown): value is PauseScope {
  return value === 'all' || value === 'uploads';
}

function isPosition(data: unknown): data is Position {
  if (typeof data !== 'object' || data === null) return false;
  const { paused, movedAt } = data as Partial<Record<keyof Position, unknown>>;
  return (paused === null || isPauseScope(paused)) && typeof movedAt === 'number';
}
