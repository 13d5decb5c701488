import { createHash, timingSafeEqual } from 'node:crypto';
import type { Caller, Scope } from './caller.ts';

export interface ApiKey {
  /** Becomes the `owner` of the runs that it sends. */
  readonly name: string;
  readonly key: string;
  readonly scopes: readonly Scope[];
}

/** The API keys, as digests: the keys themselves are not kept. */
export interface KeyRing {
  /** True without keys: everybody is let in, as nobody. */
  readonly open: boolean;
  /** Null for a key that is not ours. */
  identify(key: string): Caller | null;
  /** The caller whose key has this name; null when there is none. */
  named(name: string): Caller | null;
}

export function keyRing(keys: readonly ApiKey[]): KeyRing {
  const entries = keys.map(({ name, key, scopes }) => ({ caller: { name, scopes }, digest: sha256(key) }));
  return {
    open: entries.length === 0,
    identify: (key) => {
      const digest = sha256(key);
      let found: Caller | null = null;
      // Through all of them, always: the time tells neither which key matched nor how far.
      for (const entry of entries) {
        if (timingSafeEqual(entry.digest, digest)) found = entry.caller;
      }
      return found;
    },
    named: (name) => entries.find(({ caller }) => caller.name === name)?.caller ?? null,
  };
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
