import { openChunk } from '../core/chunk.ts';
import { IntegrityError, OriginError } from '../core/errors.ts';
import { EXPIRY_TOLERANCE_SECONDS } from '../core/pointer-policy.ts';
import { httpOrigin } from '../platform/http-origin.ts';
import { type LoadedRelease, loadRelease } from '../platform/release-source.ts';
import { roomOf } from '../platform/room-name.ts';
import { signalUrl } from '../platform/signal-url.ts';
import { subtleDigest } from '../platform/subtle-digest.ts';
import { ProtocolError } from '../protocol/errors.ts';
import { CLIENT_SCRIPT, FOLDER, manifestPath, POINTER_PATH, packPath, WORKER_SCRIPT } from '../protocol/layout.ts';
import { decodeManifest, type Manifest } from '../protocol/manifest.ts';
import { decodeSettings, reachOf } from '../protocol/settings.ts';
import { decodeWorkerScript, type WorkerConfig } from '../protocol/worker-config.ts';
import { allowsSocket } from './connect-policy.ts';
import { type Check, HealthProbe, isScriptType, maxAgeOf, quoted } from './health-probe.ts';
import { scopeOf } from './scope.ts';
import { probeSignaling } from './signaling-probe.ts';
import { isLoopback } from './trust.ts';
import { zlibCodec } from './zlib-codec.ts';

/** What was found at a deployed app. */
export interface AppHealth {
  readonly url: string;
  /** The worst of `checks`. */
  readonly level: Check['level'];
  readonly sequence: number | null;
  readonly version: string | null;
  /** Unix seconds. */
  readonly expires: number | null;
  /** Partners that the signaling server named, at most a few; `null` when it was not asked or did not answer. */
  readonly partners: number | null;
  readonly checks: readonly Check[];
}

const DAY_SECONDS = 24 * 60 * 60;
const EXPIRY_WARNING_DAYS = 30;
/** An update may reach users so much later. */
const PATIENCE_SECONDS = 15 * 60;
const MAX_WORKER_SCRIPT_BYTES = 4 * 1024 * 1024;
const MAX_PAGE_BYTES = 4 * 1024 * 1024;

/** Looks at a deployed app as a browser on its first visit does. Whatever the host says is untrusted and capped. @throws NodePeerError `bad-url` */
export async function checkHealth(url: string): Promise<AppHealth> {
  const probe = new HealthProbe(scopeOf(url));
  checkProtocol(probe);
  const config = await checkWorkerScript(probe);
  const release = config && (await checkPointer(probe, config));
  let partners: number | undefined;
  if (config && release) {
    await checkPacks(probe, release.manifest);
    await checkUnknownPath(probe);
    const policy = await checkPage(probe);
    try {
      partners = await checkPeers(probe, config, release.manifest, policy);
    } catch (error) {
      if (!(error instanceof ProtocolError || error instanceof TypeError)) throw error;
      probe.fail(
        'peers',
        'the settings of the release are not understood, so nobody is contacted: update this tabseed',
      );
    }
  }
  const { checks } = probe;
  const level = (['fail', 'warn'] as const).find((worst) => checks.some((check) => check.level === worst)) ?? 'ok';
  const { sequence = null, expires = null } = release?.pointer ?? {};
  const version = release?.manifest.version ?? null;
  return { url: probe.base, level, sequence, version, expires, partners: partners ?? null, checks };
}

function checkProtocol(probe: HealthProbe): void {
  if (probe.base.startsWith('https:')) probe.ok('https', 'served over HTTPS');
  else if (isLoopback(probe.base)) probe.ok('https', 'an address of this machine: it works without HTTPS');
  else probe.fail('https', 'http: browsers run no service worker here, nothing works: serve it over HTTPS');
}

async function checkWorkerScript(probe: HealthProbe): Promise<WorkerConfig | undefined> {
  const name = 'worker-script';
  let text: string;
  try {
    text = new TextDecoder().decode(await probe.read(WORKER_SCRIPT, MAX_WORKER_SCRIPT_BYTES));
  } catch (error) {
    probe.fail(name, `${WORKER_SCRIPT}: ${problemOf(error)}: is this the folder of the app, and was it uploaded?`);
    return undefined;
  }
  const type = probe.header(WORKER_SCRIPT, 'content-type');
  try {
    const { config, isRetired } = decodeWorkerScript(text);
    if (isRetired) {
      probe.warn(name, 'the app is retired: browsers remove Tabseed; publish again to revive it');
      return undefined;
    }
    if (!isScriptType(type)) {
      probe.fail(name, `${WORKER_SCRIPT} is sent as ${quoted(type)}, no browser installs it: send text/javascript`);
    } else if (config.development && !isLoopback(probe.base)) {
      probe.fail(name, 'signed with a development key, which works on localhost only: publish with --key');
    } else if (maxAgeOf(probe.header(WORKER_SCRIPT, 'cache-control')) > PATIENCE_SECONDS) {
      probe.warn(name, `caches may keep ${WORKER_SCRIPT}, also past a retirement: send Cache-Control: no-cache`);
    } else probe.ok(name, `of app ${quoted(config.app)}`);
    return config;
  } catch {
    const hint = /html/i.test(type) ? ': the host answers unknown paths with a page; upload it' : ': publish again';
    probe.fail(name, `${WORKER_SCRIPT} is not Tabseed's${hint}`);
    return undefined;
  }
}

/** What to do about a refusal; the code itself is printed, too. */
const REFUSALS: Readonly<Record<string, string>> = {
  malformed: 'not a pointer or manifest: upload all files; does the host answer unknown paths with a page?',
  'bad-signature': 'no key of the worker script signed it: upload worker script and pointer of the same publish',
  'wrong-manifest': 'the manifest is not the one that the pointer names: upload all files, the pointer last',
  'wrong-app': 'of another app: do two apps share a folder?',
  'wrong-channel': 'of another channel: do two apps share a folder?',
  expired: 'browsers install nothing from it: sign it again with tabseed refresh',
  retired: 'the app is retired: publish again to revive it',
};

async function checkPointer(probe: HealthProbe, config: WorkerConfig): Promise<LoadedRelease | undefined> {
  const { base, fetch } = probe;
  let release: LoadedRelease;
  try {
    const found = await loadRelease({
      base,
      fetch,
      config,
      known: undefined,
      now: Date.now,
      digest: subtleDigest(),
      decode: decodeManifest,
    });
    if (found.outcome !== 'new') {
      const code = found.outcome === 'refused' ? found.code : 'malformed';
      probe.fail('pointer', `refused (${code}): ${REFUSALS[code] ?? 'publish again'}`);
      return undefined;
    }
    release = found;
  } catch (error) {
    probe.fail('pointer', `pointer or manifest: ${problemOf(error)}: upload all files, the pointer last`);
    return undefined;
  }
  const { sequence, expires, manifestHash } = release.pointer;
  probe.ok('pointer', `release ${sequence}, signed by a key of the worker script`);
  const leftSeconds = expires - Date.now() / 1000;
  const days = Math.floor(leftSeconds / DAY_SECONDS);
  if (leftSeconds <= 0) {
    const hours = EXPIRY_TOLERANCE_SECONDS / 3600;
    probe.fail('expiry', `it has expired; after ${hours} h browsers refuse it: run tabseed refresh now`);
  } else if (days < EXPIRY_WARNING_DAYS) probe.warn('expiry', `valid for ${days} more days: run tabseed refresh`);
  else probe.ok('expiry', `valid for ${days} more days`);
  const age = maxAgeOf(probe.header(POINTER_PATH, 'cache-control'));
  if (age > PATIENCE_SECONDS)
    probe.warn('pointer-cache', `updates come up to ${age} s late: send Cache-Control: no-cache`);
  else probe.ok('pointer-cache', 'caches ask for news');
  const isKept = maxAgeOf(probe.header(manifestPath(manifestHash), 'cache-control')) >= DAY_SECONDS;
  if (isKept) probe.ok('manifest-cache', 'caches keep it');
  else probe.warn('manifest-cache', 'caches do not keep it: send public, max-age=31536000, immutable');
  return release;
}

async function checkPacks(probe: HealthProbe, { packs }: Manifest): Promise<void> {
  const [pack] = packs;
  const [chunk] = pack?.chunks ?? [];
  if (!pack || !chunk) {
    probe.ok('range', 'the release has no packs');
    return;
  }
  const path = packPath(pack.id);
  const source = httpOrigin({ base: probe.base, fetch: probe.fetch }).readPack(pack.id, 0, chunk.encodedBytes);
  try {
    const pieces: Uint8Array[] = [];
    for (let piece = await source.next(); piece; piece = await source.next()) pieces.push(piece);
    const stored = { encoding: chunk.encoding, bytes: new Uint8Array(Buffer.concat(pieces)) };
    await openChunk({ digest: subtleDigest(), codec: zlibCodec() }, chunk, stored);
    probe.ok('range', 'packs are read in parts, and the first chunk is right');
  } catch (error) {
    if (error instanceof IntegrityError) probe.fail('range', `${path} has wrong bytes: upload it again`);
    else if (error instanceof OriginError && error.code === 'origin-range') {
      const why = 'the host does not answer Range: browsers load whole files instead';
      probe.warn('range', `${why}; allow Range for ${FOLDER}/*.bin, without Content-Encoding`);
    } else probe.fail('range', `${path}: ${problemOf(error)}: upload all packs, also those of earlier releases`);
  }
  const length = Math.min(100, chunk.encodedBytes);
  const zipped = await probe.look(path, { Range: `bytes=0-${length - 1}`, 'Accept-Encoding': 'gzip, br' });
  const encoding = zipped?.headers.get('content-encoding') ?? 'identity';
  if (encoding === 'identity') probe.ok('compression', 'packs are sent as they are');
  else
    probe.warn(
      'compression',
      `packs are sent with Content-Encoding ${quoted(encoding)}: leave *.bin out of compression`,
    );
  if (maxAgeOf(probe.header(path, 'cache-control')) >= DAY_SECONDS) probe.ok('pack-cache', 'caches keep packs');
  else probe.warn('pack-cache', 'caches do not keep packs: send public, max-age=31536000, immutable');
}

async function checkUnknownPath(probe: HealthProbe): Promise<void> {
  const answer = await probe.look(`${FOLDER}/no-such-file-${crypto.randomUUID()}.bin`);
  const [name, status] = ['unknown-path', answer?.status];
  if (status === 404 || status === 410) probe.ok(name, `what is missing is answered with ${status}`);
  else if (answer?.ok === true) {
    probe.warn(name, `what is missing is answered with ${status ?? 0}, as a page: leave ${FOLDER}/* out of that rule`);
  } else probe.warn(name, `what is missing is answered with ${status ?? 'nothing'} instead of 404`);
}

/** Resolves with the page's Content-Security-Policy. */
async function checkPage(probe: HealthProbe): Promise<string> {
  const script = await probe.look(CLIENT_SCRIPT);
  const type = script?.headers.get('content-type') ?? '';
  if (script?.ok !== true) probe.fail('client-script', `${CLIENT_SCRIPT}: status ${script?.status ?? 0}: upload it`);
  else if (isScriptType(type)) probe.ok('client-script', 'is there');
  else probe.fail('client-script', `${CLIENT_SCRIPT} is sent as ${quoted(type)}: send text/javascript`);
  try {
    const html = new TextDecoder().decode(await probe.read('', MAX_PAGE_BYTES));
    if (html.includes(CLIENT_SCRIPT)) probe.ok('page', 'has the client script');
    else
      probe.warn('page', `no ${CLIENT_SCRIPT} in the page at this URL: was it published with --no-inject, or cached?`);
    const metas = [...html.matchAll(/<meta\b[^>]{0,4096}>/gi)].map(([tag]) => tag);
    const inPage = metas
      .filter((tag) => /http-equiv=["']?content-security-policy["'\s>]/i.test(tag))
      .map((tag) => /\bcontent=(?:"([^"]*)"|'([^']*)')/i.exec(tag)?.slice(1).join('') ?? '');
    return [probe.header('', 'content-security-policy'), ...inPage].filter((policy) => policy !== '').join(',');
  } catch (error) {
    probe.warn('page', `the page at this URL: ${problemOf(error)}`);
    return '';
  }
}

async function checkPeers(
  probe: HealthProbe,
  config: WorkerConfig,
  manifest: Manifest,
  policy: string,
): Promise<number | undefined> {
  const name = 'peers';
  const { mode, signal, group, consent } = decodeSettings(manifest.settings);
  if (mode === 'off' || signal === '') {
    probe.warn(name, `published with ${mode === 'off' ? '--mode off' : 'no signaling server'}: browsers meet nobody`);
    return undefined;
  }
  const url = new URL(signalUrl(probe.base, signal));
  if (probe.base.startsWith('https:') && url.protocol === 'ws:') {
    probe.fail('signaling', `ws: on an HTTPS page is forbidden by browsers: publish with --signal wss://…`);
    return undefined;
  }
  if (allowsSocket(policy, new URL(probe.base), url)) probe.ok('csp', 'the page may connect to the signaling server');
  else probe.fail('csp', `the page's Content-Security-Policy forbids ${quoted(url.origin)}: add it to connect-src`);
  const answer = await probeSignaling(url.href, await roomOf(config, group, subtleDigest()), reachOf(mode));
  if (!answer.isJoined) {
    probe.fail('signaling', `${quoted(url.href)}: ${quoted(answer.reason)}: ${adviceFor(answer.reason)}`);
    return undefined;
  }
  probe.ok('signaling', `joined the app's room; ${answer.iceServers} ICE servers`);
  const whom = mode === 'site' ? ' behind the network exit of this machine (--mode site)' : '';
  const asks = consent === 'ask' ? '; browsers connect only after their user agreed (--consent ask)' : '';
  if (answer.partners > 0) probe.ok(name, `${answer.partners} offered${whom}${asks}`);
  else probe.warn(name, `nobody else is here${whom}: open the app in a second browser, and look again${asks}`);
  return answer.partners;
}

function adviceFor(reason: string): string {
  if (/^HTTP (?:404|410)$/.test(reason)) return 'wrong path, or no signaling server there: see publish --signal';
  if (reason.startsWith('HTTP ')) return 'no WebSocket: does the proxy pass Upgrade on?';
  if (reason === 'unsupported-version') return 'another version of Tabseed: update the signaling server';
  if (/^E[A-Z]+$/.test(reason)) return 'not reachable: does tabseed signal run there, is the port open?';
  return 'is it a signaling server of Tabseed?';
}

function problemOf(error: unknown): string {
  if (!(error instanceof OriginError)) return 'cannot be read';
  return error.status === undefined || error.code !== 'origin-status' ? error.code : `status ${error.status}`;
}
