import { createHmac, randomBytes } from 'node:crypto';
import { isPrivateNetwork } from './address.ts';

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
    const site = isPrivateNetwork(network) ? PRIVATE_SITE : network;
    return createHmac('sha256', this.#salt).update(site).digest('base64url').slice(0, TOKEN_CHARACTERS);
  }
}
