import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Presets, SingleBar } from 'cli-progress';
import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  createNodePeer,
  type NodePeer,
  type NodePeerEvent,
  type NodePeerProgress,
  type RtcLibrary,
} from '../node/index.ts';
import { parseByteCount } from './byte-count.ts';
import { termination } from './termination.ts';
import { parseUploadLimit } from './upload-limit.ts';

interface SeedFlags {
  readonly store?: string;
  readonly publicKey: readonly string[];
  readonly uploadLimit?: number;
  readonly diskLimit?: number;
  readonly rtc?: RtcLibrary;
  readonly json: boolean;
}

/** A line for programs, and for logs, not more often than this. */
const REPORT_MS = 1000;
const BYTES_PER_MB = 1_000_000;

/** Adds `tabseed seed`. */
export function registerSeed(program: Command): void {
  program
    .command('seed')
    .description('mirror a published app, verified, and seed it to browsers')
    .argument('<url>', 'where the app is served', parseUrl)
    .option('--store <folder>', 'folder for what is mirrored (default: one for each URL below ~/.cache/tabseed)')
    .option(
      '--public-key <hex>',
      'key that must have signed the app, may be repeated (default: the one seen first with this store)',
      (value: string, before: readonly string[]) => [...before, parseKey(value)],
      [],
    )
    .option('--upload-limit <bytes>', 'most that it uploads, bytes a second (default: no limit)', parseUploadLimit)
    .option(
      '--disk-limit <size>',
      'most that the mirrored chunks take on the disk, such as 10GB (default: no limit)',
      parseByteCount,
    )
    .addOption(new Option('--rtc <library>', 'WebRTC library (default: datachannel)').choices(['datachannel', 'wrtc']))
    .option('--json', 'print one JSON object a line: progress each second, and when the mirror is complete', false)
    .action(seed);
}

function parseUrl(value: string): string {
  if (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) return value;
  throw new InvalidArgumentError('It must be a URL such as https://app.example/.');
}

function parseKey(value: string): string {
  if (/^[0-9a-f]{64}$/i.test(value)) return value;
  throw new InvalidArgumentError('It must be the 64 hex digits that `tabseed publish` prints.');
}

async function seed(url: string, flags: SeedFlags): Promise<void> {
  const stopped = termination();
  const display = flags.json ? jsonDisplay() : process.stderr.isTTY ? barDisplay() : quietDisplay();
  let peer: NodePeer;
  try {
    peer = await createNodePeer({
      url,
      store: flags.store ?? defaultStore(url),
      publicKeys: flags.publicKey.length > 0 ? flags.publicKey : undefined,
      uploadBytesPerSecond: flags.uploadLimit,
      diskLimitBytes: flags.diskLimit,
      rtc: flags.rtc,
      onProgress: (progress) => display.update(progress),
      onEvent: (event) => display.tell(event),
    });
  } catch (error) {
    display.stop();
    throw error;
  }
  const { sequence, version } = peer.release;
  peer.mirrored.then(
    () => display.complete(`release ${sequence}${version === '' ? '' : ` (${version})`} of ${url} is mirrored`, peer),
    () => undefined, // Stopped before: there is nothing to say.
  );
  const isRetired = await Promise.race([stopped.then(() => false), peer.retired.then(() => true)]);
  display.stop();
  if (isRetired) process.stderr.write(`tabseed: ${url} was retired by its publisher: nobody needs a seed\n`);
  // What is being sent is finished; a second signal ends the process at once.
  await peer.close();
}

interface Display {
  update(progress: NodePeerProgress): void;
  tell(event: NodePeerEvent): void;
  complete(sentence: string, peer: NodePeer): void;
  stop(): void;
}

function barDisplay(): Display {
  const bar = new SingleBar(
    { format: '{bar} {percentage}% of {megabytes} MB, {peers} peers', clearOnComplete: true, hideCursor: true },
    Presets.shades_classic,
  );
  return {
    update({ storedBytes, totalBytes, peers }) {
      const payload = { megabytes: (totalBytes / BYTES_PER_MB).toFixed(1), peers };
      if (!bar.isActive) bar.start(totalBytes, storedBytes, payload);
      else bar.update(storedBytes, payload);
    },
    tell: tellOnStderr,
    complete(sentence) {
      bar.stop();
      process.stdout.write(`${sentence}, seeding (Ctrl+C stops it)\n`);
    },
    stop: () => bar.stop(),
  };
}

function quietDisplay(): Display {
  return {
    update: () => undefined,
    tell: tellOnStderr,
    complete: (sentence) => void process.stdout.write(`${sentence}, seeding\n`),
    stop: () => undefined,
  };
}

function jsonDisplay(): Display {
  const print = (event: string, details: object): void => {
    process.stdout.write(`${JSON.stringify({ event, ...details })}\n`);
  };
  let reportedMs = Number.NEGATIVE_INFINITY;
  return {
    update(progress) {
      if (performance.now() - reportedMs < REPORT_MS) return;
      reportedMs = performance.now();
      print('progress', progress);
    },
    tell: ({ type, ...details }) => print(type, details),
    complete: (_sentence, { release, traffic }) => print('mirrored', { ...release, traffic }),
    stop: () => undefined,
  };
}

function tellOnStderr(event: NodePeerEvent): void {
  const sentence = sentenceOf(event);
  if (sentence !== undefined) process.stderr.write(`tabseed: ${sentence}\n`);
}

function sentenceOf(event: NodePeerEvent): string | undefined {
  switch (event.type) {
    case 'engine-started':
      return undefined;
    case 'engine-lost':
      return `the seed's process ended (${event.how}), the next starts in ${(event.restartMs / 1000).toFixed(1)} s`;
    case 'engine-recycled':
      return `the seed's process makes way for a new one (${event.reason})`;
    case 'disk-limit':
      return `--disk-limit is too small for the release: ${event.chunkCount} chunks of it are not kept nor seeded`;
    default:
      return event satisfies never;
  }
}

function defaultStore(url: string): string {
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
  return join(cache, 'tabseed', createHash('sha256').update(url).digest('hex').slice(0, 16));
}
