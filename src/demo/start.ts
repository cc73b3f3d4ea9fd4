import { createInterface } from 'node:readline';
import { termination } from '../cli/termination.ts';
import { type DemoArguments, parseDemoArguments, USAGE, UsageError } from './start/arguments.ts';
import { DemoUpdate } from './start/demo-update.ts';
import { startOnFreePort } from './start/listen.ts';
import { OriginSwitch } from './start/origin-switch.ts';
import { createFolders, type DemoFolders, publishDemo } from './start/release.ts';
import { SeedProcess } from './start/seed-process.ts';

const EXIT_FAILED = 1;
const EXIT_WRONG_USE = 2;

/** `npm start`: publishes the demo, serves it, seeds it, until Ctrl+C. */
async function main(): Promise<void> {
  const args = parseDemoArguments(process.argv.slice(2));
  if (args.help) {
    process.stdout.write(USAGE);
    return;
  }
  const stopped = new AbortController();
  const ended = termination().then(() => stopped.abort());
  const folders = await createFolders();
  try {
    await run(args, folders, stopped.signal, ended);
  } catch (error) {
    // Ctrl+C while publishing is no failure.
    if (!stopped.signal.aborted) throw error;
  } finally {
    await folders.remove();
  }
}

async function run(args: DemoArguments, folders: DemoFolders, abort: AbortSignal, ended: Promise<void>): Promise<void> {
  console.log('Publishing the Monaco editor …');
  const first = await publishDemo(folders, 'monaco-editor-previous', abort);
  const size = `${megabytes(first.bytes)}, packed into ${megabytes(first.packBytes)}`;
  console.log(`Release ${first.version}: ${first.files} files, ${size}`);
  const origin = new OriginSwitch();
  const server = await startOnFreePort(args.port, {
    root: folders.out,
    host: args.host,
    intercept: (request, response) => origin.intercept(request, response),
  });
  const url = `${server.url}/`;
  const seed = args.seed ? new SeedProcess(url, folders.seed, (line) => console.log(`seed: ${line}`)) : undefined;
  const update = new DemoUpdate(folders, abort, (line) => console.log(`update: ${line}`));
  const input = createInterface({ input: process.stdin, terminal: false });
  input.on('line', (line) => {
    if (line.trim() === 'o') console.log(originState(origin.toggle()));
    if (line.trim() === 'u') update.start();
  });
  console.log(whatToTry(url, args.seed));
  await ended;
  console.log('Stopping …');
  input.close();
  await Promise.all([server.close(), seed?.close(), update.ended()]);
}

function whatToTry(url: string, hasSeed: boolean): string {
  const first = hasSeed
    ? 'The editor comes from the seed, a Node process on this machine.'
    : 'Nobody has the editor yet: it comes from the origin, and this browser keeps it.';
  return `
  Open   ${url}
         ${first}

  Then   open it in a private window or another browser as well: the editor comes from those that have it.
         Type o and Enter: the origin then refuses the editor and all packs. Press "Clear and reload"
         in one window while the other is open, and it still arrives. o and Enter again gives it back.
         Type u and Enter: the editor's next version is published. Press "Check for an update" in a window.

  Ctrl+C stops everything.
`;
}

function originState(isOn: boolean): string {
  return isOn
    ? 'origin: gives everything again'
    : 'origin: answers 503 for the editor and for packs; what a new browser shows of them comes from peers';
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

try {
  await main();
} catch (error) {
  console.error(`demo: ${error instanceof Error ? error.message : String(error)}`);
  if (error instanceof UsageError) console.error('demo: npm start -- --help shows the options');
  process.exitCode = error instanceof UsageError ? EXIT_WRONG_USE : EXIT_FAILED;
}
