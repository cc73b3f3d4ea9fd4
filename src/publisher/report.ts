import type { Sha256 } from '../protocol/identifier.ts';
import { FOLDER } from '../protocol/layout.ts';
import { type Manifest, packBytes } from '../protocol/manifest.ts';
import type { Pointer } from '../protocol/pointer.ts';
import type { DeployList } from './deploy-list.ts';
import type { PublishPlan } from './options.ts';
import type { Situation } from './situation.ts';
import type { StagedFiles } from './staged-files.ts';

/** What a publish did. */
export interface PublishReport {
  /** `unchanged`: the previous release, which is in OUT as it was, or again when `--previous` named it elsewhere. */
  readonly outcome: 'published' | 'unchanged';
  readonly app: string;
  readonly channel: string;
  readonly sequence: number;
  /** Of the release that this one follows, or is; `null` for the first of an app. */
  readonly previousSequence: number | null;
  readonly version: string;
  /** Ed25519, raw 32 bytes in hex: the first of `publicKeys`. */
  readonly publicKey: Sha256;
  /** All that signed it: more than one while a key is changed. */
  readonly publicKeys: readonly Sha256[];
  /** Unix seconds. */
  readonly created: number;
  /** Unix seconds; browsers install nothing from it afterwards. */
  readonly expires: number;
  readonly files: number;
  /** Plain bytes of all files. */
  readonly bytes: number;
  readonly manifestHash: Sha256;
  readonly manifestBytes: number;
  readonly packs: number;
  /** Of all packs that the release names. */
  readonly packBytes: number;
  readonly newPacks: number;
  readonly newPackBytes: number;
  /** Packs that are not in OUT: the host has them, and must keep them. */
  readonly keptPacks: number;
  /** Distinct chunks that had to be packed. */
  readonly newChunks: number;
  /** One line each; nothing that stopped the publish. */
  readonly warnings: readonly string[];
}

interface ReportedRelease {
  readonly pointer: Pointer;
  readonly manifest: Manifest;
  /** `undefined` when OUT was left as it is. */
  readonly list?: DeployList;
}

const RENEWAL_WARNING_SECONDS = 30 * 24 * 60 * 60;

export function reportOf(
  outcome: PublishReport['outcome'],
  plan: Pick<PublishPlan, 'now'>,
  situation: Pick<Situation, 'keys' | 'previous'>,
  { newPacks, warnings }: Pick<StagedFiles, 'newPacks' | 'warnings'>,
  { pointer, manifest, list }: ReportedRelease,
): PublishReport {
  return {
    outcome,
    app: manifest.app,
    channel: manifest.channel,
    sequence: manifest.sequence,
    previousSequence: situation.previous?.pointer.sequence ?? null,
    version: manifest.version,
    publicKey: situation.keys.publicKeys[0],
    publicKeys: situation.keys.publicKeys,
    created: manifest.created,
    expires: pointer.expires,
    files: manifest.files.length,
    bytes: sum(manifest.files.map(({ plainBytes }) => plainBytes)),
    manifestHash: pointer.manifestHash,
    manifestBytes: pointer.manifestBytes,
    packs: manifest.packs.length,
    packBytes: sum(manifest.packs.map(packBytes)),
    newPacks: newPacks.length,
    newPackBytes: sum(newPacks.map(packBytes)),
    keptPacks: list?.keep.filter(({ path }) => path.startsWith(`${FOLDER}/pack-`)).length ?? 0,
    newChunks: sum(newPacks.map(({ chunks }) => chunks.length)),
    warnings: [...warnings, ...expiryWarnings(pointer, plan.now)],
  };
}

function expiryWarnings({ expires }: Pointer, now: number): string[] {
  if (expires - now > RENEWAL_WARNING_SECONDS) return [];
  const date = new Date(expires * 1000).toISOString().slice(0, 10);
  const when = expires < now ? `expired on ${date}: no browser installs it` : `expires on ${date}`;
  return [`this release ${when}; sign it again with tabseed refresh`];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
