import { createHash } from 'node:crypto';
import type { IdempotencyKey, IdempotencyStore, Reservation } from '../../ports/idempotency.ts';
import type { RedisClient } from '../redis-sdk/client.ts';
import { onRedis } from '../redis-sdk/errors.ts';
import type { RedisKeys } from './keys.ts';

/** One string a key: `<body hash> <run id>`, with a time to live. */
export class RedisIdempotencyStore implements IdempotencyStore {
  private readonly client: RedisClient;
  private readonly keys: RedisKeys;
  private readonly ttlSeconds: number;

  constructor(client: RedisClient, keys: RedisKeys, ttlSeconds: number) {
    this.client = client;
    this.keys = keys;
    this.ttlSeconds = ttlSeconds;
  }

  async reserve({ key, owner, bodyHash }: IdempotencyKey, runId: string): Promise<Reservation> {
    // Hashed: a caller's key may be long, and may hold what should not stand in a key name.
    const digest = createHash('sha256')
      .update(JSON.stringify([owner, key]))
      .digest('base64url');
    const value = `${bodyHash} ${runId}`;
    const before = await onRedis(() =>
      this.client.set(this.keys.idempotency(digest), value, 'EX', this.ttlSeconds, 'NX', 'GET'),
    );
    if (before === null) return { type: 'new' };
    const [seenHash, seenId = ''] = before.split(' ');
    return seenHash === bodyHash ? { type: 'seen', runId: seenId } : { type: 'mismatch', runId: seenId };
  }
}
