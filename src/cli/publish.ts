import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  CONSENT_RULES,
  type ConsentRule,
  MAX_ORIGIN_DELAY_MS,
  MODES,
  type Mode,
  UPDATE_POLICIES,
  type UpdatePolicy,
} from '../protocol/settings.ts';
import { type BuiltScripts, PublishError, type PublishReport, publish } from '../publisher/index.ts';
import { builtScripts } from './built-scripts.ts';
import { parseByteCount } from './byte-count.ts';
import { chooseSigningKey, keyOption } from './key-choice.ts';
import { showProgress } from './progress.ts';
import { untilStopped } from './stop-signal.ts';
import { parseUploadLimit } from './upload-limit.ts';
import { warn } from './warning.ts';

interface PublishFlags {
  readonly out: string;
  readonly previous?: string;
  readonly complete: boolean;
  readonly key: readonly string[];
  readonly app?: string;
  readonly version?: string;
  readonly mode: Mode;
  readonly signal?: string;
  readonly group?: string;
  readonly consent: ConsentRule;
  readonly uploadLimit?: number;
  readonly originDelay?: number;
  readonly minPeerRate?: number;
  readonly minFileSize?: number;
  readonly updates: UpdatePolicy;
  readonly lazy: readonly string[];
  readonly lazyAbove?: number;
  readonly fallback: string | undefined;
  readonly fallbackExcept: readonly string[];
  readonly scope?: string;
  readonly exclude: readonly string[];
  readonly worker?: string;
  readonly headers?: string;
  readonly inject: boolean;
  readonly boot: boolean;
  readonly sequence?: number;
  readonly withdraw: boolean;
  readonly json: boolean;
}

/** Adds `tabseed publish`. */
export function registerPublish(program: Command, scripts: BuiltScripts = builtScripts()): void {
  program
    .command('publish')
    .description('publish the folder of a built app as the next release')
    .argument('<src>', 'folder of the built app')
    .requiredOption('--out <folder>', 'folder to serve; a release in it is followed by this one')
    .option('--previous <place>', 'what is deployed: URL of the app, or a folder; <out> is then empty')
    .option('--complete', 'copy older packs into <out> too, for hosts that replace all files at once', false)
    .addOption(keyOption())
    .option('--app <id>', 'app id (default: that of the previous release, else made from key and scope)')
    .option('--version <text>', 'your own name for this release')
    .addOption(new Option('--mode <mode>', 'whom a browser may exchange files with').choices(MODES).default('site'))
    .option('--signal <url>', 'signaling server, absolute or relative to the app (default: tabseed/signal)')
    .option('--group <id>', 'with --mode group: browsers meet only those of the same group')
    .addOption(
      new Option('--consent <rule>', 'whether a browser asks its user before it contacts others')
        .choices(CONSENT_RULES)
        .default('none'),
    )
    .option(
      '--upload-limit <bytes>',
      'most that one browser uploads, bytes a second (default: no limit)',
      parseUploadLimit,
    )
    .option(
      '--origin-delay <seconds>',
      'most that bulk waits for peers when a browser starts (default: 3.5)',
      parseOriginDelay,
    )
    .option('--min-peer-rate <size>', 'peers that give so much a second get no help (default: 125KB)', parseByteCount)
    .option('--min-file-size <size>', 'files below it come from the origin alone (default: 0)', parseByteCount)
    .addOption(
      new Option('--updates <policy>', 'when pages get a release that a browser has downloaded')
        .choices(UPDATE_POLICIES)
        .default('prompt'),
    )
    .option('--lazy <glob>', 'files that no update waits for, may be repeated', collect, [])
    .option('--lazy-above <size>', 'nor for files larger than this, such as 5MB (default: no limit)', parseByteCount)
    .option('--fallback <file>', 'page of a single-page app, such as index.html, for addresses that are no file')
    .option('--fallback-except <glob>', 'addresses that are the origin’s, such as /api, may be repeated', collect, [])
    .option('--scope <path>', 'URL path of the app, such as /app/; script tags then begin with it')
    .option('--exclude <glob>', 'files that the origin alone serves, may be repeated', collect, [])
    .option('--worker <path>', "the app's own service worker in <src>, which has Tabseed in it")
    .option('--headers <file>', 'response headers by path (default: _headers in <src>)')
    .option('--no-inject', 'do not add the client script to HTML files')
    .option('--boot', 'a first visit waits up to 3 s for what other browsers have of the page', false)
    .option('--sequence <number>', 'number of this release (default: from the time)', parseSequence)
    .option('--withdraw', 'browsers and seeds delete all earlier releases and give them to nobody', false)
    .option('--json', 'print one JSON object', false)
    .action((source: string, flags: PublishFlags) => run(source, flags, scripts));
}

async function run(source: string, flags: PublishFlags, scripts: BuiltScripts): Promise<void> {
  const { pem, developmentFile } = await chooseSigningKey(flags.key);
  const progress = showProgress(process.stderr);
  const report = await untilStopped((abort) =>
    publish({
      source,
      out: flags.out,
      previous: flags.previous,
      complete: flags.complete,
      key: pem,
      development: developmentFile !== undefined,
      scripts,
      mode: flags.mode,
      signal: flags.signal,
      group: flags.group,
      consent: flags.consent,
      uploadBytesPerSecond: flags.uploadLimit,
      originDelayMs: flags.originDelay === undefined ? undefined : flags.originDelay * 1000,
      minPeerBytesPerSecond: flags.minPeerRate,
      minFileBytes: flags.minFileSize,
      updates: flags.updates,
      lazy: flags.lazy,
      lazyAboveBytes: flags.lazyAbove,
      fallback: flags.fallback,
      fallbackExcept: flags.fallbackExcept,
      app: flags.app,
      version: flags.version,
      scope: flags.scope,
      exclude: flags.exclude,
      worker: flags.worker,
      headersFile: flags.headers,
      inject: flags.inject,
      boot: flags.boot,
      sequence: flags.sequence,
      withdraw: flags.withdraw,
      created: sourceDateEpoch(process.env.SOURCE_DATE_EPOCH),
      abort,
      onProgress: (step) => progress.update(step),
    }),
  ).finally(() => progress.stop());
  for (const warning of report.warnings) warn(warning);
  process.stdout.write(flags.json ? `${JSON.stringify(report)}\n` : describeRelease(report, flags));
}

/** What is printed for people. */
export function describeRelease(
  report: PublishReport,
  { out, previous }: { readonly out: string; readonly previous?: string | undefined },
): string {
  if (report.outcome === 'unchanged') {
    const where = previous === undefined ? `${out} is as it was` : `${out} holds it again`;
    return `nothing changed since release ${report.sequence}: ${where}\n`;
  }
  const until = new Date(report.expires * 1000).toISOString().slice(0, 10);
  const follows = report.previousSequence === null ? '' : `, follows ${report.previousSequence}`;
  return [
    `release ${report.sequence} of app ${report.app}${follows}`,
    `  ${report.files} files, ${megabytes(report.bytes)}`,
    `  packs: ${report.packs}, ${megabytes(report.packBytes)}; new: ${report.newPacks}, ${megabytes(report.newPackBytes)}`,
    ...(report.keptPacks > 0 ? [`  not in ${out}, and needed on the host: ${report.keptPacks} packs`] : []),
    `  signed by ${report.publicKeys.join(' and ')}, valid until ${until}`,
    previous === undefined ? `try it: tabseed serve ${out}` : `upload it in the order of ${out}/deploy.json`,
    '',
  ].join('\n');
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(2)} MB`;
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

function parseSequence(value: string): number {
  if (!/^[1-9]\d{0,15}$/.test(value)) throw new InvalidArgumentError('It must be a whole number above 0.');
  return Number(value);
}

function parseOriginDelay(value: string): number {
  const most = MAX_ORIGIN_DELAY_MS / 1000;
  if (/^\d{1,2}$/.test(value) && Number(value) <= most) return Number(value);
  throw new InvalidArgumentError(`It must be a whole number of seconds, at most ${most}.`);
}

/** Unix seconds, as https://reproducible-builds.org/specs/source-date-epoch/ defines it. */
function sourceDateEpoch(value: string | undefined): number | undefined {
  if (value === undefined || value === '') return undefined;
  if (!/^\d{1,12}$/.test(value)) {
    throw new PublishError(
      'option-invalid',
      `SOURCE_DATE_EPOCH "${value}" is no number of seconds: correct or unset it`,
    );
  }
  return Number(value);
}
