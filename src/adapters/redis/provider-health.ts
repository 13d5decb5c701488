import * as z from 'zod';
import type { ProviderHealth, ProviderTrouble } from '../../ports/provider-health.ts';
import type { Clock } from '../../ports/clock.ts';
import type { RedisClient } from '../redis-sdk/client.ts';
import type { AccountKeys } from './keys.ts';

const ttlSeconds = 60;
const trouble = z.object({ message: z.string(), atMs: z.number() });

export class RedisProviderHealth implements ProviderHealth {
  private readonly client: RedisClient;
  private readonly keys: AccountKeys;
  private readonly clock: Clock;

  constructor(client: RedisClient, keys: AccountKeys, clock: Clock) {
    this.client = client;
    this.keys = keys;
    this.clock = clock;
  }

  async reportUnauthorized(message: string): Promise<void> {
    const value: ProviderTrouble = { message, atMs: this.clock.nowMs() };
    // Advisory: a run must not fail because this cannot be told.
    await this.client.set(this.keys.trouble, JSON.stringify(value), 'EX', ttlSeconds).catch(() => {});
  }

  async current(): Promise<ProviderTrouble | null> {
    const text = await this.client.get(this.keys.trouble).catch(() => null);
    // A note of another version says nothing to us: readiness must not fail over it.
    return text === null ? null : (trouble.safeParse(jsonOf(text)).data ?? null);
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
