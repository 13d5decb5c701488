import * as z from 'zod';
import { StoreUnavailableError } from '../../domain/errors.ts';
import type { PacingState } from '../../domain/polling/pacing.ts';
import type { PacingStore } from '../../ports/pacing-store.ts';
import type { RedisClient } from '../redis-sdk/client.ts';
import { onRedis } from '../redis-sdk/errors.ts';
import { Script } from '../redis-sdk/script.ts';
import { accountKeys } from './keys.ts';

const ttlSeconds = 86_400;
/** Each worker writes once a second, in about a millisecond: to come second so often takes hundreds of them. */
const mostTries = 10;

const amount = z.number().nonnegative();
const schema = z.object({
  v: z.literal(1),
  atMs: amount,
  price: z.object({
    scarcity: z.number().min(1),
    level: amount,
    looks: amount,
    lagMs: amount,
    gapMs: amount,
  }),
  arrival: z.object({ arrived: amount, missed: amount, down: amount.max(1), latencyMs: amount }),
});

/** KEYS: state. The state, and Redis's clock in seconds and microseconds. */
const readState = new Script(`
  return { redis.call('GET', KEYS[1]) or '', redis.call('TIME') }
`);

/** KEYS: state. ARGV: the state as it was read, the new one, ttl. Answers as `readState` where it has changed. */
const swapState = new Script(`
  local now = redis.call('GET', KEYS[1]) or ''
  if now ~= ARGV[1] then return { now, redis.call('TIME') } end
  redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
  return 'swapped'
`);

/** One string an account. */
export class RedisPacingStore implements PacingStore {
  private readonly client: RedisClient;
  private readonly prefix: string;

  constructor(client: RedisClient, prefix: string) {
    this.client = client;
    this.prefix = prefix;
  }

  async update(
    account: string,
    change: (before: PacingState | null, nowMs: number) => PacingState,
  ): Promise<PacingState> {
    const key = accountKeys(this.prefix, account).pacing;
    return await onRedis(async () => {
      let found = await readState.run(this.client, [key], []);
      for (let n = 0; n < mostTries; n += 1) {
        const { text, nowMs } = rawOf(found);
        const after = change(stateOf(text), nowMs);
        // Whoever lost has the new state at once, and so is ahead of whoever comes next.
        found = await swapState.run(this.client, [key], [text, JSON.stringify(after), ttlSeconds]);
        if (found === 'swapped') return after;
      }
      throw new StoreUnavailableError('Others were always quicker to write what the fleet agrees on.');
    });
  }

  async read(account: string): Promise<PacingState | null> {
    const key = accountKeys(this.prefix, account).pacing;
    return stateOf(rawOf(await onRedis(() => readState.run(this.client, [key], []))).text);
  }
}

function rawOf(found: unknown): { readonly text: string; readonly nowMs: number } {
  const [text, time]: unknown[] = Array.isArray(found) ? found : [];
  const [seconds, micros]: unknown[] = Array.isArray(time) ? time : [];
  return {
    text: typeof text === 'string' ? text : '',
    nowMs: Math.floor(Number(seconds) * 1000 + Number(micros) / 1000),
  };
}

/** What another version has written in another shape counts as nothing. */
function stateOf(text: string): PacingState | null {
  if (text === '') return null;
  try {
    return schema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}
