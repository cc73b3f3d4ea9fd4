import { SeededRandom } from '../../test/fakes/seeded-random.ts';
import { DIALECTS } from './dialect.ts';
import type { LoadCommand, LoadReport, LoadTarget } from './load.ts';
import { LoadClient } from './load-client.ts';

/** Handshakes under way at a time, as when a line comes back and everybody reconnects. */
const JOINING_AT_ONCE = 100;
/** Messages under way at a time. */
const IN_FLIGHT = 64;
/** What is still under way arrives in this time. */
const SETTLE_MS = 1000;

/** A process of clients. Its parent tells it when to join and when to relay. */
class LoadProcess {
  readonly #target: LoadTarget;
  readonly #random: SeededRandom;
  readonly #clients: LoadClient[] = [];
  #latenciesMs: number[] = [];
  #isRelaying = false;

  constructor(target: LoadTarget) {
    this.#target = target;
    this.#random = new SeededRandom(target.first);
  }

  async handle(command: LoadCommand): Promise<LoadReport> {
    if (command.type === 'join') await this.#join();
    else await this.#relay(command.seconds);
    return { latenciesMs: this.#latenciesMs };
  }

  async #join(): Promise<void> {
    const { first, count, url, dialect, peers } = this.#target;
    const indexes = Array.from({ length: count }, (_, offset) => first + offset).values();
    const joinNext = async (): Promise<void> => {
      for (const index of indexes) {
        const client = new LoadClient({ url, dialect: DIALECTS[dialect], index, peers }, (stampUs) =>
          this.#relayed(stampUs),
        );
        this.#clients.push(client);
        await client.join();
      }
    };
    await Promise.all(Array.from({ length: JOINING_AT_ONCE }, joinNext));
  }

  async #relay(seconds: number): Promise<void> {
    this.#isRelaying = true;
    for (let sent = 0; sent < IN_FLIGHT; sent += 1) this.#sendOne();
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    this.#isRelaying = false;
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  }

  /** Each that arrives makes room for the next. */
  #relayed(stampUs: number): void {
    if (!this.#isRelaying) return;
    this.#latenciesMs.push((nowUs() - stampUs) / 1000);
    this.#sendOne();
  }

  #sendOne(): void {
    for (;;) {
      const client = this.#clients[this.#random.below(this.#clients.length)];
      if (client?.relay(nowUs(), this.#random.next()) === true) return;
    }
  }
}

/** The same clock in all processes of the machine. */
function nowUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

const load = new LoadProcess(JSON.parse(process.argv[2] ?? '') as LoadTarget);
process.on('message', (command: LoadCommand) => {
  void load.handle(command).then((report) => process.send?.(report));
});
process.on('disconnect', () => process.exit());
