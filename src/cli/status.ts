import { type Command, InvalidArgumentError } from 'commander';
import { type AppHealth, checkHealth } from '../node/app-health.ts';
import { CliError } from './exit.ts';

/** Adds `tabseed status`. */
export function registerStatus(program: Command): void {
  program
    .command('status')
    .description('check a deployed app: pointer, signature, expiry, headers, Range, signaling; why are there no peers?')
    .argument('<url>', 'where the app is served', parseUrl)
    .option('--json', 'print one JSON object', false)
    .action(run);
}

async function run(url: string, { json }: { readonly json: boolean }): Promise<void> {
  const report = await checkHealth(url);
  if (!json) process.stdout.write(describe(report));
  const failed = report.checks.filter(({ level }) => level === 'fail').length;
  if (failed > 0) {
    const what = failed === 1 ? 'one check failed' : `${failed} checks failed`;
    throw new CliError('status-failed', `${what} at ${report.url}: see the lines above`, { details: { report } });
  }
  if (json) process.stdout.write(`${JSON.stringify(report)}\n`);
}

function describe({ checks }: AppHealth): string {
  return checks.map(({ level, name, message }) => `${level.padEnd(5)}${name}: ${message}\n`).join('');
}

function parseUrl(value: string): string {
  if (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) return value;
  throw new InvalidArgumentError('It must be a URL such as https://app.example/.');
}
