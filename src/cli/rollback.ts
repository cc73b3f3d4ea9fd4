import { type Command, InvalidArgumentError } from 'commander';
import { isSha256, type Sha256 } from '../protocol/identifier.ts';
import { type BuiltScripts, rollback } from '../publisher/index.ts';
import { builtScripts } from './built-scripts.ts';
import { chooseSigningKey, keyOption } from './key-choice.ts';
import { showProgress } from './progress.ts';
import { describeRelease } from './publish.ts';
import { untilStopped } from './stop-signal.ts';
import { warn } from './warning.ts';

interface RollbackFlags {
  readonly to: number | Sha256;
  readonly previous?: string;
  readonly key: readonly string[];
  readonly withdraw: boolean;
  readonly json: boolean;
}

/** Adds `tabseed rollback`. */
export function registerRollback(program: Command, scripts: BuiltScripts = builtScripts()): void {
  program
    .command('rollback')
    .description('publish the content of an earlier release as the next one')
    .argument('<out>', 'folder with the release, its earlier manifests and packs; or an empty one, with --previous')
    .requiredOption('--to <release>', 'sequence of the release, or the hash of its manifest', parseRelease)
    .option('--previous <place>', 'what is deployed: URL of the app, or a folder; <out> is then empty')
    .addOption(keyOption())
    .option('--withdraw', 'browsers and seeds delete what came since and give it to nobody', false)
    .option('--json', 'print one JSON object', false)
    .action((out: string, flags: RollbackFlags) => run(out, flags, scripts));
}

async function run(out: string, flags: RollbackFlags, scripts: BuiltScripts): Promise<void> {
  const { to, previous, withdraw, json } = flags;
  const { pem, developmentFile } = await chooseSigningKey(flags.key);
  const progress = showProgress(process.stderr);
  const report = await untilStopped((abort) =>
    rollback({
      ...{ out, to, previous, withdraw, scripts, abort },
      key: pem,
      development: developmentFile !== undefined,
      onProgress: (step) => progress.update(step),
    }),
  ).finally(() => progress.stop());
  for (const warning of report.warnings) warn(warning);
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : describeRelease(report, { out, previous }));
}

function parseRelease(value: string): number | Sha256 {
  const hash = value.toLowerCase();
  if (isSha256(hash)) return hash;
  if (/^[1-9]\d{0,15}$/.test(value)) return Number(value);
  throw new InvalidArgumentError('It must be a number, or the 64 hex digits in the name of a manifest.');
}
