import { ErrorCode, type Queue } from 'bullmq';
import { InvalidCursorError } from '../../domain/errors.ts';
import { callbackJob, type CallbackList, type CallbackView } from '../../domain/wire/callback.ts';
import type { DeadCallbacks } from '../../ports/dead-callbacks.ts';
import type { RedisClient } from '../redis-sdk/client.ts';
import { onRedis } from '../redis-sdk/errors.ts';
import { bodyLifeSeconds, type CallbackKeys, callbackKeys } from './keys.ts';
import type { CallbackSenderOptions } from './sender.ts';

/** The failed jobs of the queue `callbacks`. */
export class BullmqDeadCallbacks implements DeadCallbacks {
  private readonly queue: Queue;
  private readonly client: RedisClient;
  private readonly keys: CallbackKeys;

  constructor({ queue, client, prefix }: CallbackSenderOptions) {
    this.queue = queue;
    this.client = client;
    this.keys = callbackKeys(prefix);
  }

  async list({ limit, cursor }: { limit: number; cursor?: string }): Promise<CallbackList> {
    const after = cursor === undefined ? null : decodeCursor(cursor);
    return await onRedis(async () => {
      const found = await this.placesAfter(after, limit);
      const jobs = await Promise.all(found.map(({ id }) => this.view(id)));
      const last = found.at(-1);
      return {
        object: 'list',
        data: jobs.filter((job) => job !== null),
        next_cursor: last === undefined || found.length < limit ? null : encodeCursor(last),
      };
    });
  }

  async redrive(id: string, nowMs: number): Promise<boolean> {
    return await onRedis(async () => {
      const job = await this.queue.getJob(id);
      const callback = callbackJob.safeParse(job?.data);
      if (job === undefined || !callback.success || !(await job.isFailed())) return false;
      if ((await this.client.expire(this.keys.body(id), bodyLifeSeconds)) === 0) return false;
      try {
        await job.updateData({ ...callback.data, redriven_at: new Date(nowMs).toISOString() });
        await job.retry('failed', { resetAttemptsMade: true, resetAttemptsStarted: true });
        return true;
      } catch (error) {
        // Somebody else was quicker, or it has just been removed.
        if (error instanceof Error && 'code' in error && goneCodes.has(error.code)) return false;
        throw error;
      }
    });
  }

  /** The latest first; among those of one millisecond, as Redis orders them. */
  private async placesAfter(after: Place | null, limit: number): Promise<Place[]> {
    const from = after?.atMs ?? '+inf';
    const count = limit + (after === null ? 0 : mostOfOneMoment);
    const flat = await this.client.zrevrangebyscore(
      this.keys.dead,
      from,
      '-inf',
      'WITHSCORES',
      'LIMIT',
      0,
      count,
    );
    const places: Place[] = [];
    for (let at = 0; at + 1 < flat.length; at += 2) {
      places.push({ id: flat[at] ?? '', atMs: Number(flat[at + 1]) });
    }
    const seen = (place: Place): boolean =>
      after !== null && place.atMs === after.atMs && place.id >= after.id;
    return places.filter((place) => !seen(place)).slice(0, limit);
  }

  private async view(id: string): Promise<CallbackView | null> {
    const job = await this.queue.getJob(id);
    const callback = callbackJob.safeParse(job?.data);
    if (job === undefined || !callback.success) return null;
    return {
      id,
      object: 'runfleet.callback',
      status: 'dead',
      run_id: callback.data.run_id,
      type: callback.data.type,
      host: new URL(callback.data.url).host,
      tries: job.attemptsMade,
      error: job.failedReason ?? '',
      given_up_at: new Date(job.finishedOn ?? 0).toISOString(),
    };
  }
}

const goneCodes: ReadonlySet<unknown> = new Set([ErrorCode.JobNotExist, ErrorCode.JobNotInState]);

interface Place {
  readonly id: string;
  readonly atMs: number;
}

/** A page that begins within a millisecond reads so much more, to step over what was shown of it. */
const mostOfOneMoment = 1000;

const encodeCursor = ({ id, atMs }: Place): string => `${atMs}_${id}`;

function decodeCursor(cursor: string): Place {
  const match = /^(\d{1,15})_([\w~-]{1,500})$/.exec(cursor);
  if (match === null) throw new InvalidCursorError('This cursor is not one of ours.');
  return { atMs: Number(match[1]), id: match[2] ?? '' };
}
