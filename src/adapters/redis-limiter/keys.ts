/** The limiter's keys. An account is a hash of its base URL and credential, so that no key holds a secret. */

import { createHash } from 'node:crypto';

export interface Account {
  readonly baseUrl: string;
  readonly credential: string;
}

export interface LimiterKeys {
  readonly state: string;
  /** Where a pause is announced. */
  readonly channel: string;
  /** What a create has reserved; expires by itself. */
  tokens(id: string): string;
}

/** Two fleets with the same key against the same server share one quota, however they spell the URL's end. */
export function accountId({ baseUrl, credential }: Account): string {
  const url = baseUrl.replace(/\/+$/, '');
  return createHash('sha256').update(`runfleet account\n${url}\n${credential}`).digest('hex').slice(0, 20);
}

/** `prefix` holds the hash tag, so that a cluster keeps an account's keys together: `{runfleet}`. */
export function limiterKeys(prefix: string, account: string): LimiterKeys {
  const base = `${prefix}:limiter:${account}`;
  return { state: base, channel: `${base}:pause`, tokens: (id) => `${base}:tokens:${id}` };
}
