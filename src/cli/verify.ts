import { type Command, InvalidArgumentError } from 'commander';
import { type VerifyReport, verify } from '../publisher/index.ts';
import { CliError } from './exit.ts';
import { showProgress } from './progress.ts';

interface VerifyFlags {
  readonly publicKey: readonly string[];
  readonly json: boolean;
}

/** Adds `tabseed verify`. */
export function registerVerify(program: Command): void {
  program
    .command('verify')
    .description('check a published folder without a network: signature, hashes, every chunk, every file')
    .argument('<out>', 'folder that publish has filled')
    .option(
      '--public-key <hex>',
      'key that must have signed it, may be repeated (default: those in the worker script)',
      (value: string, before: readonly string[]) => [...before, parseKey(value)],
      [],
    )
    .option('--json', 'print one JSON object', false)
    .action(run);
}

async function run(out: string, { publicKey, json }: VerifyFlags): Promise<void> {
  const progress = showProgress(process.stderr);
  let report: VerifyReport;
  try {
    report = await verify({
      out,
      publicKeys: publicKey.length > 0 ? publicKey : undefined,
      onProgress: (step) => progress.update(step),
    });
  } finally {
    progress.stop();
  }
  const { damage } = report;
  if (damage.length > 0) {
    if (!json) for (const { path, message } of damage) process.stderr.write(`tabseed: ${path}: ${message}\n`);
    const count = damage.length === 1 ? 'one thing is' : `${damage.length} things are`;
    throw new CliError('verify-failed', `${count} wrong with ${out}: do not upload it`, { details: { report } });
  }
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : describe(report));
}

function describe({ app, sequence, retired, expires, files, packs, chunks, elsewhere }: VerifyReport): string {
  if (retired) return `app ${app ?? ''} is retired, as it should be\n`;
  const until = new Date((expires ?? 0) * 1000).toISOString().slice(0, 10);
  return [
    `release ${sequence ?? 0} of app ${app ?? ''} is whole: ${files} files, ${chunks} chunks in ${packs} packs, valid until ${until}`,
    ...(elsewhere.length > 0 ? [`${elsewhere.length} packs are not in this folder and must be on the host:`] : []),
    ...elsewhere.map((path) => `  ${path}`),
    '',
  ].join('\n');
}

function parseKey(value: string): string {
  if (/^[0-9a-f]{64}$/i.test(value)) return value.toLowerCase();
  throw new InvalidArgumentError('It must be the 64 hex digits that `tabseed publish` prints.');
}
