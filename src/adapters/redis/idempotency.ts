import { createHash } from 'node:crypto';
import type { IdempotencyKey, IdempotencyStore, Reservation } from '../../ports/idempotency.ts';
import type { RedisClient } from '../redis-sdk/client.ts';
import { onRedis } from '../redis-sdk/errors.ts';
import type { RedisKeys } from './keys.ts';

const written = 'written';

/** One string a key, with a time to live: `<body hash> <run id>`, and ` written` once the run is. */
export class RedisIdempotencyStore implements IdempotencyStore {
  private readonly client: RedisClient;
  private readonly keys: RedisKeys;
  private readonly ttlSeconds: number;

  constructor(client: RedisClient, keys: RedisKeys, ttlSeconds: number) {
    this.client = client;
    this.keys = keys;
    this.ttlSeconds = ttlSeconds;
  }

  async reserve(key: IdempotencyKey, runId: string): Promise<Reservation> {
    const value = `${key.bodyHash} ${runId}`;
    const before = await onRedis(() =>
      this.client.set(this.nameOf(key), value, 'EX', this.ttlSeconds, 'NX', 'GET'),
    );
    if (before === null) return { type: 'new' };
    const [seenHash, seenId = '', mark] = before.split(' ');
    if (seenHash !== key.bodyHash) return { type: 'mismatch', runId: seenId };
    return { type: 'seen', runId: seenId, isWritten: mark === written };
  }

  async confirm(key: IdempotencyKey, runId: string): Promise<void> {
    const value = `${key.bodyHash} ${runId} ${written}`;
    await onRedis(() => this.client.set(this.nameOf(key), value, 'KEEPTTL', 'XX'));
  }

  /** Hashed: a caller's key may be long, and may hold what should not stand in a key name. */
  private nameOf({ key, owner }: IdempotencyKey): string {
    const digest = createHash('sha256')
      .update(JSON.stringify([owner, key]))
      .digest('base64url');
    return this.keys.idempotency(digest);
  }
}
