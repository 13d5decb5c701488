import { type Account, accountId } from '../adapters/redis-limiter/keys.ts';
import type { AccountConfig } from '../config/index.ts';

const defaultBaseUrl = 'https://api.openai.com/v1';

/** What the limiter knows an account by. */
export function limiterAccount({ apiKey, baseUrl }: AccountConfig): Account {
  return { baseUrl: baseUrl ?? defaultBaseUrl, credential: apiKey };
}

/** A hash: the same for all names of one key at one server, and fit to be shown. */
export function idOf(account: AccountConfig): string {
  return accountId(limiterAccount(account));
}
