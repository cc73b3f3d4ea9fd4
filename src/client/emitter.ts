/** Typed events. A listener that throws is reported as the page's own error and harms no other. */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(value: never) => void>>();
  readonly #report: (error: unknown) => void;

  constructor(report: (error: unknown) => void) {
    this.#report = report;
  }

  on<Name extends keyof Events>(event: Name, listener: (value: Events[Name]) => void): () => void {
    // Wrapped, so that one function that is added twice is two subscriptions.
    const subscription = (value: Events[Name]): void => listener(value);
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(subscription));
    return () => {
      listeners.delete(subscription);
    };
  }

  emit<Name extends keyof Events>(event: Name, value: Events[Name]): void {
    // `on` is the only writer and files each listener under the event whose value it takes.
    const listeners = this.#listeners.get(event) as Set<(value: Events[Name]) => void> | undefined;
    for (const listener of [...(listeners ?? [])]) {
      try {
        listener(value);
      } catch (error) {
        this.#report(error);
      }
    }
  }
}
