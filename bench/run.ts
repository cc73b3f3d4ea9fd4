import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import type { Benchmark } from './benchmark.ts';

const FOLDER = import.meta.dirname;
const RESULTS = join(FOLDER, 'results');
/** One folder a benchmark; its `benchmark.ts` says what it takes and does. */
const names = readdirSync(FOLDER, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(join(FOLDER, entry.name, 'benchmark.ts')))
  .map((entry) => entry.name);

const program = new Command('bench')
  .description('Measures Tabseed. Prints one JSON object as its last line; bench/README.md has the results.')
  .showHelpAfterError();

for (const name of names) {
  const { benchmark } = (await import(`./${name}/benchmark.ts`)) as { benchmark: Benchmark };
  const command = program.command(name).description(benchmark.summary);
  for (const option of benchmark.options) {
    const flag = `--${option.name} <${option.unit}>`;
    if (typeof option.default === 'number') command.option(flag, option.summary, parseNumber, option.default);
    else command.option(flag, option.summary, option.default);
  }
  command.option('--json', 'accepted for uniformity: the result is JSON anyway');
  command.option('--save', 'keep the result in bench/results');
  command.action(async (options: Record<string, number | string | boolean>) => {
    // Asked now: in an hour's run somebody may commit.
    const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
    const texts = only(options, 'string');
    const { charts, ...result } = (await benchmark.run(only(options, 'number'), texts)) as { charts?: string[] };
    if (options.save === true) {
      const saveName = benchmark.saveName?.(texts) ?? name;
      save(saveName, commit, { ...options }, result);
      for (const chart of charts ?? []) writeFileSync(join(RESULTS, `${saveName}.svg`), `${chart}\n`);
    }
    process.stdout.write(`${JSON.stringify(result)}\n`);
    // What a benchmark started natively (wrtc) may keep the process alive.
    process.exit(0);
  });
}

await program.parseAsync();

function parseNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('It is not a number.');
  return value;
}

function only(options: object, type: 'number'): Record<string, number>;
function only(options: object, type: 'string'): Record<string, string>;
function only(options: object, type: string): object {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => typeof value === type));
}

function save(
  name: string,
  commit: string,
  { save: _, json: __, ...options }: Record<string, unknown>,
  result: object,
): void {
  const [cpu] = cpus();
  const machine = {
    cpu: cpu?.model,
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
  };
  mkdirSync(RESULTS, { recursive: true });
  const record = { date: new Date().toISOString(), commit, machine, options, result };
  writeFileSync(join(RESULTS, `${name}.json`), `${JSON.stringify(record, undefined, 2)}\n`);
}
