/**
 * Every maximum of the protocol, each with its reason. A decoder refuses what exceeds one of them before it
 * allocates; an encoder never produces it.
 */

const KIB = 1024;
const MIB = 1024 * KIB;

/** Largest plain chunk. Four times the default average, as content-defined chunking asks for max ≥ 2.5 × average. */
export const MAX_CHUNK_BYTES = 256 * KIB;

/** Largest encoded chunk: an encoding that does not shrink a chunk is not used, so it never exceeds the plain one. */
export const MAX_ENCODED_CHUNK_BYTES = 256 * KIB;

/** Largest pack: below the 25 MiB file limit of common static hosts, and one Range request's worth on a slow line. */
export const MAX_PACK_BYTES = 16 * MIB;

/** Chunks in one pack. 16 MiB of 1 KiB chunks: a pack of many tiny files. */
export const MAX_CHUNKS_PER_PACK = 16_384;

/** Packs that one manifest references: 64 GiB of content. */
export const MAX_PACKS = 4096;

/** Files in one release: ten times the largest web app that we know (about 9,000 files). */
export const MAX_FILES = 100_000;

/** Manifest bytes. 100,000 files of one chunk each take about 12 MiB. */
export const MAX_MANIFEST_BYTES = 16 * MIB;

/** Patches in one delta: one a file and some more. */
export const MAX_PATCHES = 200_000;
export const MAX_DELTA_INDEX_BYTES = 2 * MIB;

/**
 * Plain bytes that one patch makes, and of the earlier release that it needs: together what a client holds in memory at
 * once. A Monaco worker, the largest script that we know, has 7 MB.
 */
export const MAX_PATCH_TARGET_BYTES = 4 * MIB;
export const MAX_PATCH_SOURCE_BYTES = 8 * MIB;

/** New paths that are in the dictionary of every patch: 2,000 names; each patch costs the time to write them there. */
export const MAX_PATCH_NAMES_BYTES = 64 * KIB;

/** Pointer bytes: an update check with no news must cost less than 1 KB. */
export const MAX_POINTER_BYTES = 1000;

/** Signatures on a pointer: the old and the new key during a rotation, and room for two more. */
export const MAX_SIGNATURES = 4;

/** UTF-8 bytes of a file's path: what URLs of common servers and CDNs allow. */
export const MAX_PATH_BYTES = 1024;

/** UTF-8 bytes of the app id, channel, version label, and of an error's code. */
export const MAX_LABEL_BYTES = 128;

/** UTF-8 bytes of a release's settings: a few short fields now, and room for those of later publishers. */
export const MAX_SETTINGS_BYTES = 8 * KIB;
/** Patterns in them: each is tried on each path. */
export const MAX_LAZY_PATTERNS = 100;

/** Chunks that all files of one release name together: 64 GiB at 64 KiB each, as much as MAX_PACKS of packs hold. */
export const MAX_CHUNK_REFERENCES = 1024 * 1024;

/** UTF-8 bytes of a Content-Type. */
export const MAX_MEDIA_TYPE_BYTES = 256;

/** Bytes of a response header's name. */
export const MAX_HEADER_NAME_BYTES = 128;

/** UTF-8 bytes of a response header's value: long Content-Security-Policy headers are several KB. */
export const MAX_HEADER_VALUE_BYTES = 16 * KIB;

/** Headers of one file, and distinct header sets of one release. */
export const MAX_HEADERS_PER_SET = 64;
export const MAX_HEADER_SETS = 1024;

/**
 * A frame on a data channel: the largest message of Chromium and of `@roamhq/wrtc`. A sender keeps far below it where the
 * path is slow, since nothing can overtake a frame. 64 bytes hold the header of any `data`.
 */
export const MAX_FRAME_BYTES = 256 * KIB;
export const MAX_FRAGMENT_BYTES = MAX_FRAME_BYTES - 64;

/** Packs in one `hello` or `packs` message, at most 35 bytes each: keeps the frame below MAX_FRAME_BYTES. */
export const MAX_PACKS_PER_MESSAGE = 1024;

/** Chunks that one `request` names, and requests that one peer may have open at another. */
export const MAX_CHUNKS_PER_REQUEST = 256;
export const MAX_OPEN_REQUESTS = 64;

/** A signaling message: an SDP of a data channel is about 1 KB; 16 KB leaves room for many candidates. */
export const MAX_SIGNAL_MESSAGE_BYTES = 16 * KIB;
export const MAX_SDP_CHARACTERS = 12 * KIB;
export const MAX_CANDIDATE_CHARACTERS = 1024;

/** An SDP media section's name (RFC 5888) and its number: a data channel has one section. */
export const MAX_MID_CHARACTERS = 64;
export const MAX_MLINE_INDEX = 255;

/** Partners that one `match` asks for: a Node seed keeps 60 connections. */
export const MAX_MATCH_COUNT = 64;

/**
 * Chunks of one lease: 256 KiB at 64 KiB each, 512 KiB of a large file. What one peer has alone leaves over that peer's
 * line, so a crowd gets going sooner when many have a little: of 1,000 peers, in the simulator, 99 of 100 were done after
 * 1.125 x the fluid bound, after 1.133 with 16, with one upload at a time. Leases of neighbours become one Range request.
 */
export const CHUNKS_PER_LEASE = 4;
export const MAX_LEASE_UNITS_PER_PACK = MAX_CHUNKS_PER_PACK / CHUNKS_PER_LEASE;

/** Packs in one `want` of a peer: 192 MiB of demand, in a message that stays below MAX_SIGNAL_MESSAGE_BYTES. */
export const MAX_PACKS_PER_WANT = 12;

/** Leases that a peer may hold at once. */
export const MAX_LEASES = 32;

/** ICE servers that a welcome may name, and addresses of one; each costs candidates and time. */
export const MAX_ICE_SERVERS = 8;
export const MAX_URLS_PER_ICE_SERVER = 8;

/** The sentence for people in an error message. */
export const MAX_REASON_CHARACTERS = 1024;

/** Chunks in one `want` of the service worker: 16 MiB at 64 KiB each, more than a stream keeps under way. */
export const MAX_CHUNKS_PER_WANT = 256;

/** Manifests that the worker hands to the leader: the newest and those that open tabs still use. */
export const MAX_MANIFESTS_PER_MESSAGE = 16;

/** URLs in one page message (`loaded`, `prefetch`). */
export const MAX_URLS_PER_MESSAGE = 10_000;
export const MAX_URL_CHARACTERS = 8192;
