import { type CountsIncrement, halfLivesAnEpoch } from '../../domain/polling/decayed-counts.ts';
import type { ClassIncrement, ClassSnapshot } from '../../domain/polling/shared-counts.ts';
import type { Clock } from '../../ports/clock.ts';
import type { DurationStore, SeenClass } from '../../ports/duration-store.ts';
import type { RedisClient } from '../redis-sdk/client.ts';
import { onRedis } from '../redis-sdk/errors.ts';
import { Script } from '../redis-sdk/script.ts';
import { clockFields, snapshotOf, weightField } from './duration-fields.ts';
import type { RedisKeys } from './keys.ts';

export interface DurationStoreOptions {
  /** A class that nobody adds to for so long is forgotten; default 30 days. */
  readonly ttlSeconds?: number;
  /** Beyond so many classes, those not added to for longest are forgotten; default 2,000. */
  readonly maxClasses?: number;
}

/** In half-lives: after a lost write, a worker is ahead by a few steps, and its weights are a little too large. */
const clockTolerance = 1;

/**
 * Adds one class's increments. ARGV: ttl; then for either memory its clock field, letter, clock step, the clock that
 * the weights were made for, and the number of weights; then field and weight of each.
 *
 * Nothing is written when a clock is behind: this hash is younger than the counts that the weights belong to.
 */
const addIncrement = new Script(`
  local ttl, at, parts = ARGV[1], 2, {}
  for i = 1, 2 do
    local count = tonumber(ARGV[at + 4])
    local before = tonumber(redis.call('HGET', KEYS[1], ARGV[at])) or 0
    local after = before + tonumber(ARGV[at + 2])
    if tonumber(ARGV[at + 3]) > after + ${clockTolerance} then return 'behind' end
    parts[i] = { at = at, count = count, before = before, after = after }
    at = at + 5 + 2 * count
  end
  for _, part in ipairs(parts) do
    local letter = ARGV[part.at + 1]
    redis.call('HINCRBYFLOAT', KEYS[1], ARGV[part.at], ARGV[part.at + 2])
    for j = part.at + 5, part.at + 4 + 2 * part.count, 2 do
      redis.call('HINCRBYFLOAT', KEYS[1], ARGV[j], ARGV[j + 1])
    end
    local epoch = math.floor(part.after / ${halfLivesAnEpoch})
    if epoch > math.floor(part.before / ${halfLivesAnEpoch}) then
      for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
        local own, old = string.match(field, '^(%a):(%d+):')
        if own == letter and tonumber(old) < epoch - 1 then redis.call('HDEL', KEYS[1], field) end
      end
    end
  end
  redis.call('EXPIRE', KEYS[1], ttl)
  return 'added'
`);

/** One hash a class, and one sorted set of all classes by the time of their last addition. */
export class RedisDurationStore implements DurationStore {
  private readonly client: RedisClient;
  private readonly keys: RedisKeys;
  private readonly clock: Clock;
  private readonly ttlSeconds: number;
  private readonly maxClasses: number;

  constructor(client: RedisClient, keys: RedisKeys, clock: Clock, options: DurationStoreOptions = {}) {
    this.client = client;
    this.keys = keys;
    this.clock = clock;
    this.ttlSeconds = options.ttlSeconds ?? 30 * 86_400;
    this.maxClasses = options.maxClasses ?? 2000;
  }

  async read(classKeys: readonly string[]): Promise<readonly (ClassSnapshot | null)[]> {
    return await onRedis(() =>
      Promise.all(
        classKeys.map(async (classKey) =>
          snapshotOf(await this.client.hgetall(this.keys.durations(classKey))),
        ),
      ),
    );
  }

  async add(increments: readonly ClassIncrement[]): Promise<void> {
    if (increments.length === 0) return;
    await onRedis(async () => {
      const nowMs = this.clock.nowMs();
      const classKeys = new Set(increments.map(({ classKey }) => classKey));
      // Listed first: a crash in between leaves an entry without counts, which goes with the next trim.
      await this.client.zadd(
        this.keys.durationClasses,
        ...[...classKeys].flatMap((classKey) => [nowMs, classKey]),
      );
      await Promise.all(
        increments.map((increment) =>
          addIncrement.run(
            this.client,
            [this.keys.durations(increment.classKey)],
            [this.ttlSeconds, ...argumentsOf('s', increment.slow), ...argumentsOf('f', increment.fast)],
          ),
        ),
      );
      await this.trim(nowMs);
    });
  }

  async list(limit: number): Promise<readonly SeenClass[]> {
    const flat = await onRedis(() =>
      this.client.zrevrange(this.keys.durationClasses, 0, limit - 1, 'WITHSCORES'),
    );
    const seen: SeenClass[] = [];
    for (let at = 0; at + 1 < flat.length; at += 2) {
      seen.push({ classKey: flat[at] ?? '', lastSeenAtMs: Number(flat[at + 1]) });
    }
    return seen;
  }

  /** Callers choose labels, and some will choose a new one for each run. */
  private async trim(nowMs: number): Promise<void> {
    const { durationClasses } = this.keys;
    await this.client.zremrangebyscore(durationClasses, '-inf', `(${nowMs - this.ttlSeconds * 1000}`);
    const surplus = (await this.client.zcard(durationClasses)) - this.maxClasses;
    if (surplus <= 0) return;
    const popped = await this.client.zpopmin(durationClasses, surplus);
    const gone = popped.filter((_, at) => at % 2 === 0);
    if (gone.length > 0) await this.client.unlink(...gone.map((classKey) => this.keys.durations(classKey)));
  }
}

function argumentsOf(letter: 's' | 'f', increment: CountsIncrement): (string | number)[] {
  const { epoch, clockStep, clock, weights } = increment;
  return [
    clockFields[letter],
    letter,
    clockStep,
    clock,
    weights.length,
    ...weights.flatMap(([index, weight]) => [weightField(letter, epoch, index), weight]),
  ];
}
