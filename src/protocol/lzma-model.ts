/**
 * The adaptive model of LZMA (LZMA SDK, lzma-specification.txt), shared by the decoder here and the publisher's encoder.
 * lc = 3, lp = 0, pb = 0: on JavaScript and WebAssembly a position within four bytes says nothing, and more context for
 * literals is learned too slowly in patches of a few hundred bytes.
 */

const LITERAL_CONTEXT_BITS = 3;
const STATES = 12;
export const PROBABILITY_BITS = 11;
export const MOVE_BITS = 5;
/** The range is refilled below it. */
export const TOP = 2 ** 24;
export const MINIMUM_MATCH = 2;
export const MAXIMUM_MATCH = 273;
/** Below it, a distance's low bits are modelled; from it on, most of them are equally likely. */
export const END_MODEL_SLOT = 14;
export const LENGTH_STATES = 4;

/** Offsets of the models in one array of probabilities. */
const LITERALS = 0x300 << LITERAL_CONTEXT_BITS;
export const IS_MATCH = LITERALS;
export const IS_REP = IS_MATCH + STATES;
export const IS_REP_G0 = IS_REP + STATES;
export const IS_REP_G1 = IS_REP_G0 + STATES;
export const IS_REP_G2 = IS_REP_G1 + STATES;
export const IS_REP0_LONG = IS_REP_G2 + STATES;
export const SLOTS = IS_REP0_LONG + STATES;
export const SPECIAL = SLOTS + LENGTH_STATES * 64;
export const ALIGN = SPECIAL + 128;
/** A length: two choices, then trees of 3, 3 and 8 bits. */
export const MATCH_LENGTH = ALIGN + 16;
export const LENGTH_LOW = 2;
export const LENGTH_MIDDLE = LENGTH_LOW + 8;
export const LENGTH_HIGH = LENGTH_MIDDLE + 8;
export const REP_LENGTH = MATCH_LENGTH + LENGTH_HIGH + 256;
const MODELS = REP_LENGTH + LENGTH_HIGH + 256;

/** Every bit is as likely as not. */
export function newModel(): Uint16Array {
  return new Uint16Array(MODELS).fill(1 << (PROBABILITY_BITS - 1));
}

export function literalModel(previousByte: number): number {
  return 0x300 * (previousByte >>> (8 - LITERAL_CONTEXT_BITS));
}

export const isLiteralState = (state: number): boolean => state < 7;
export const afterLiteral = (state: number): number => (state < 4 ? 0 : state < 10 ? state - 3 : state - 6);
export const afterMatch = (state: number): number => (state < 7 ? 7 : 10);
export const afterRep = (state: number): number => (state < 7 ? 8 : 11);
export const afterShortRep = (state: number): number => (state < 7 ? 9 : 11);
