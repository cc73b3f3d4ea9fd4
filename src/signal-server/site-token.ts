import { createHmac, randomBytes } from 'node:crypto';
import { isPrivateNetwork, prefixOf } from './address.ts';

const SALT_BYTES = 32;
/** 12 bytes as text: by chance no two of a billion networks share one. */
const TOKEN_CHARACTERS = 16;
const PRIVATE_SITE = 'private';

/**
 * Stands for a network exit where only "the same or another" matters. The salt is this process's own and is kept nowhere:
 * neither who sees a token nor who sees two servers' tokens learns an address.
 */
export class SiteTokens {
  readonly #salt = randomBytes(SALT_BYTES);

  /** @param network As `networkOf` gives it. All private networks are one site: they are at this server's own. */
  token(network: string): string {
    return this.#tokenOf(isPrivateNetwork(network) ? PRIVATE_SITE : network);
  }

  /** The same for the block that the network lies in. */
  prefixToken(network: string): string {
    return this.#tokenOf(`prefix ${isPrivateNetwork(network) ? PRIVATE_SITE : prefixOf(network)}`);
  }

  #tokenOf(text: string): string {
    return createHmac('sha256', this.#salt).update(text).digest('base64url').slice(0, TOKEN_CHARACTERS);
  }
}
