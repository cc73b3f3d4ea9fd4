import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';

export interface LineOptions {
  readonly upMbps: number;
  readonly downMbps: number;
  /** How much waits in the line's queue at most, in each direction: a home router's is some 200 ms. */
  readonly queueMs: number;
}

/** Forwards a loopback port over the line, as a page with a service worker needs an address on its own machine. */
const FORWARD = `
  const net = require('node:net');
  const [listenHost, listenPort, host, port] = process.argv.slice(1);
  net.createServer((near) => {
    const far = net.connect(Number(port), host);
    near.pipe(far).pipe(near);
    for (const [one, other] of [[near, far], [far, near]]) one.on('error', () => other.destroy()).on('close', () => other.destroy());
  }).listen(Number(listenPort), listenHost, () => console.log('listening'));
`;
const NEAR = '10.213.7.1';
const FAR = '10.213.7.2';

/** A home behind a line of its own: a network namespace of Linux, whose line is shaped in both directions. Needs root. */
export class CappedLine {
  /** What a program is started with to be in that home. */
  readonly prefix: readonly string[];
  readonly #name: string;
  readonly #device: string;
  readonly #forwarders: { kill(): unknown }[] = [];

  private constructor(name: string, device: string) {
    this.#name = name;
    this.#device = device;
    this.prefix = ['ip', 'netns', 'exec', name];
  }

  static open({ upMbps, downMbps, queueMs }: LineOptions): CappedLine {
    const name = `tabseed-${process.pid}`;
    const device = `ts${process.pid}`;
    const shape = (target: string, mbps: number): string =>
      `tc qdisc add dev ${target} root tbf rate ${mbps}mbit burst 16kb latency ${queueMs}ms`;
    const line = new CappedLine(name, device);
    try {
      for (const command of [
        `ip netns add ${name}`,
        `ip link add ${device} type veth peer name home netns ${name}`,
        `ip address add ${NEAR}/30 dev ${device}`,
        `ip link set ${device} up`,
        `ip -n ${name} address add ${FAR}/30 dev home`,
        `ip -n ${name} link set home up`,
        `ip -n ${name} link set lo up`,
        `ip -n ${name} route add default via ${NEAR}`,
        shape(device, downMbps),
        `ip netns exec ${name} ${shape('home', upMbps)}`,
      ]) {
        run(command);
      }
    } catch (error) {
      line.close();
      throw error;
    }
    return line;
  }

  /** What listens on this loopback port of the machine is reached on the same port from the home, too. */
  async forward(port: number): Promise<void> {
    await this.#start([], [NEAR, port, '127.0.0.1', port]);
    await this.#start(this.prefix, ['127.0.0.1', port, NEAR, port]);
  }

  close(): void {
    for (const forwarder of this.#forwarders) forwarder.kill();
    for (const command of [`ip link delete ${this.#device}`, `ip netns delete ${this.#name}`]) {
      try {
        run(command);
      } catch {
        // It was not there yet.
      }
    }
  }

  async #start(prefix: readonly string[], parameters: readonly (string | number)[]): Promise<void> {
    const [program, ...rest] = [...prefix, process.execPath, '-e', FORWARD, ...parameters.map(String)];
    const forwarder = spawn(program as string, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#forwarders.push(forwarder);
    await once(forwarder.stdout, 'data');
  }
}

function run(command: string): void {
  const [program, ...parameters] = command.split(' ');
  execFileSync(program as string, parameters, { stdio: ['ignore', 'ignore', 'pipe'] });
}
