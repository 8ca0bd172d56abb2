// Who sends a request: keys, and what is signed with them. Nothing is remembered of it, so that any of several servers with the same keys
// takes what another one has signed.

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { invalidArgument } from '../errors.js';

/** Without keys everybody is this owner. */
const NOBODY = '';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** The keys of a server; none lets everybody in. */
export class Keys {
  private readonly keys: readonly { readonly key: string; readonly hash: Buffer; readonly owner: string }[];

  /** Throws `INVALID_ARGUMENT` for keys that no header could have. */
  constructor(keys: readonly string[]) {
    this.keys = keys.map(key => {
      if (!/^[\x21-\x7e]{1,500}$/.test(key)) throw invalidArgument('ASCII without spaces', 'a key', '***');
      return { key, hash: digest(key), owner: digest(`owner ${key}`).toString('hex').slice(0, 32) };
    });
  }

  /**
   * Whose request it is, by `Authorization: Key ...`, a token that was signed here as `Bearer`, or one in the address.
   * @returns null where it has no valid key
   */
  ownerOf(authorization: string | null, token: string | null): string | null {
    if (this.keys.length === 0) return NOBODY;
    const [, scheme, value] = /^\s*(key|bearer)\s+(\S+)\s*$/i.exec(authorization ?? '') ?? [];
    if (value !== undefined) {
      const hash = digest(value);
      let owner: string | null = null;
      // All are compared, however early one fits, each in the same time.
      for (const known of this.keys) if (timingSafeEqual(hash, known.hash)) owner = known.owner;
      if (owner !== null) return owner;
      if (scheme!.toLowerCase() === 'bearer') return this.ownerOfToken(value);
    }
    return token === null ? null : this.ownerOfToken(token);
  }

  /** A token that stands for the key of its owner until a time. */
  token(owner: string, expires: number): string {
    return `${owner}.${expires}.${this.sign(owner, `token ${expires}`)}`;
  }

  /** A signature of a text by its owner. */
  sign(owner: string, text: string): string {
    const key = this.keys.find(known => known.owner === owner)?.key ?? '';
    return createHmac('sha256', `codeformer ${key}`).update(text).digest('base64url');
  }

  /** Whether a signature is that of an owner who still has a key. */
  isSigned(owner: string, text: string, signature: string): boolean {
    if (this.keys.length > 0 && !this.keys.some(known => known.owner === owner)) return false;
    return timingSafeEqual(digest(signature), digest(this.sign(owner, text)));
  }

  private ownerOfToken(token: string): string | null {
    const [owner = '', expires = '', signature = ''] = token.split('.');
    return Number(expires) > Date.now() && this.isSigned(owner, `token ${expires}`, signature) ? owner : null;
  }
}
