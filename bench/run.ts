import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import type { Benchmark } from './benchmark.ts';

const FOLDER = import.meta.dirname;
const RESULTS = join(FOLDER, 'results');
/** One folder a benchmark; its `benchmark.ts` says what it takes and does. */
const names = readdirSync(FOLDER, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(join(FOLDER, entry.name, 'benchmark.ts')))
  .map((entry) => entry.name);

const program = new Command('bench')
  .description('Measures Tabseed. Prints one JSON object as its last line; TARGETS and results are in bench/README.md.')
  .showHelpAfterError();

for (const name of names) {
  const { benchmark } = (await import(`./${name}/benchmark.ts`)) as { benchmark: Benchmark };
  const command = program.command(name).description(benchmark.summary);
  for (const option of benchmark.options) {
    command.option(`--${option.name} <${option.unit}>`, option.summary, Number, option.default);
  }
  command.option('--json', 'accepted for uniformity: the result is JSON anyway');
  command.option('--save', 'keep the result in bench/results');
  command.action(async (options: Record<string, number | boolean>) => {
    const result = await benchmark.run(options as Record<string, number>);
    if (options.save === true) save(name, { ...options }, result);
    process.stdout.write(`${JSON.stringify(result)}\n`);
    // What a benchmark started natively (wrtc) may keep the process alive.
    process.exit(0);
  });
}

await program.parseAsync();

function save(name: string, { save: _, json: __, ...options }: Record<string, unknown>, result: object): void {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
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
