import type { Clock } from '../../ports/clock.ts';
import type { Permit, RateGate } from '../../ports/rate-gate.ts';
import type { RedisClient } from '../redis-sdk/client.ts';
import { onRedis } from '../redis-sdk/errors.ts';
import { Script } from '../redis-sdk/script.ts';
import type { AccountKeys } from './keys.ts';

/** Keeps the latest time and tells everybody; the key lives no longer than the pause. */
const extendPause = new Script(`
  local current = tonumber(redis.call('GET', KEYS[1])) or 0
  if tonumber(ARGV[1]) <= current then return current end
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  redis.call('PUBLISH', KEYS[2], ARGV[1])
  return tonumber(ARGV[1])
`);

/**
 * The part of the quota that a 429 enforces: everybody pauses for its `Retry-After`. Costs no trip a call: each process
 * hears of a pause by the channel and keeps it.
 */
export class RedisPauseGate implements RateGate {
  private readonly client: RedisClient;
  private readonly subscriber: RedisClient;
  private readonly keys: AccountKeys;
  private readonly clock: Clock;
  private pausedUntilMs = 0;

  constructor(client: RedisClient, subscriber: RedisClient, keys: AccountKeys, clock: Clock) {
    this.client = client;
    this.subscriber = subscriber;
    this.keys = keys;
    this.clock = clock;
    subscriber.on('message', (channel: string, text: string) => {
      if (channel === keys.pauses) this.note(Number(text));
    });
    // What was said while the line was down is read once it is up again; if that fails too, the provider will tell.
    subscriber.on('ready', () => void this.start().catch(() => {}));
  }

  /** Resolves once this process knows of the pause in force, and hears of the next. */
  async start(): Promise<void> {
    await onRedis(() => this.subscriber.subscribe(this.keys.pauses));
    await this.readPause();
  }

  acquire(): Promise<Permit> {
    const atMs = this.pausedUntilMs;
    return Promise.resolve(
      this.clock.nowMs() >= atMs
        ? { granted: true, waitedMs: 0 }
        : { granted: false, atMs, reason: 'paused', ticket: null },
    );
  }

  giveBack(): void {}

  observe(): void {}

  settleTokens(): void {}

  async pauseUntil(untilMs: number): Promise<void> {
    this.note(untilMs);
    const ttlMs = Math.max(1, Math.ceil(untilMs - this.clock.nowMs()));
    await onRedis(() =>
      extendPause.run(this.client, [this.keys.pause, this.keys.pauses], [Math.ceil(untilMs), ttlMs]),
    );
  }

  private async readPause(): Promise<void> {
    this.note(Number(await onRedis(() => this.client.get(this.keys.pause))));
  }

  private note(untilMs: number): void {
    if (Number.isFinite(untilMs)) this.pausedUntilMs = Math.max(this.pausedUntilMs, untilMs);
  }
}
