/**
 * Runs of one lane go one at a time. A lane is a sorted set of its open runs, by acceptance; the one whose turn it is
 * has score 0, so that it stays the first.
 */

import { createHash } from 'node:crypto';
import type { Queue } from 'bullmq';
import type { RedisClient } from '../redis-sdk/client.ts';
import { onRedis } from '../redis-sdk/errors.ts';
import { Script } from '../redis-sdk/script.ts';
import type { RunKeys } from './keys.ts';
import { promote } from './promote.ts';
import { wakeJob } from './scripts.ts';

export interface LaneMember {
  readonly id: string;
  readonly lane: string;
  /** Lanes of different callers are different lanes. */
  readonly owner: string | null;
}

/** Longer than any deadline: no run waits longer. Each entry and each turn starts it anew. */
const laneLifeMs = 8 * 86_400_000;
/** An entry whose job is missing for so long will not get one: its API process died in between. */
const jobWithinMs = 30_000;

/** A lane's own order never goes back, whatever the clock does. */
const enterLane = `
  local function enter(id)
    if redis.call('ZSCORE', KEYS[1], id) then return end
    local time = redis.call('TIME')
    local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
    local score = math.max(time[1] * 1000000 + time[2], tonumber(last[2] or 0) + 1)
    redis.call('ZADD', KEYS[1], score, id)
    redis.call('PEXPIRE', KEYS[1], ${laneLifeMs})
  end
`;

/** KEYS: lane. ARGV: ids, in order. */
const enter = new Script(`
  ${enterLane}
  for _, id in ipairs(ARGV) do enter(id) end
`);

/** KEYS: lane. ARGV: id, prefix of the jobs' keys. Steps over those before it that have ended or never came to be. */
const turn = new Script(`
  ${enterLane}
  enter(ARGV[1])
  local time = redis.call('TIME')
  local now = time[1] * 1000000 + time[2]
  while true do
    local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
    if first[1] == ARGV[1] then
      redis.call('ZADD', KEYS[1], 0, ARGV[1])
      redis.call('PEXPIRE', KEYS[1], ${laneLifeMs})
      return 'free'
    end
    local job = ARGV[2] .. first[1]
    local score = tonumber(first[2])
    local over
    if redis.call('EXISTS', job) == 0 then
      over = score == 0 or now - score > ${jobWithinMs * 1000}
    else
      over = redis.call('HEXISTS', job, 'outcome') == 1 or redis.call('HEXISTS', job, 'finishedOn') == 1
    end
    if not over then return 'busy' end
    redis.call('ZREM', KEYS[1], first[1])
  end
`);

/**
 * KEYS: lane. ARGV: id, prefix of the jobs' keys, prefix of the wakes' keys. Returns whose turn it is, if it waits. One that
 * has ended and is about to leave is stepped over: its wake would be taken up by nobody.
 */
const leave = new Script(`
  redis.call('ZREM', KEYS[1], ARGV[1])
  while true do
    local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
    if not first[1] or tonumber(first[2]) == 0 then return false end
    local job = ARGV[2] .. first[1]
    if redis.call('HEXISTS', job, 'outcome') == 0 then
      if redis.call('HEXISTS', job, 'data') == 1 then
        ${wakeJob('job', 'ARGV[3] .. first[1]', "'lane'")}
      end
      return first[1]
    end
    redis.call('ZREM', KEYS[1], first[1])
  end
`);

export class Lanes {
  private readonly client: RedisClient;
  private readonly keys: RunKeys;

  constructor(client: RedisClient, keys: RunKeys) {
    this.client = client;
    this.keys = keys;
  }

  /** In the order of the array. One that is in its lane already keeps its place. */
  async enter(members: readonly LaneMember[]): Promise<void> {
    const lanes = Map.groupBy(members, (member) => this.keyOf(member));
    await onRedis(() =>
      Promise.all(
        [...lanes].map(([key, ofLane]) =>
          enter.run(
            this.client,
            [key],
            ofLane.map(({ id }) => id),
          ),
        ),
      ),
    );
  }

  async turn(member: LaneMember): Promise<'free' | 'busy'> {
    const args = [member.id, this.keys.job('')];
    const answer = await onRedis(() => turn.run(this.client, [this.keyOf(member)], args));
    return answer === 'free' ? 'free' : 'busy';
  }

  /** The run has ended: the next of its lane is activated. Does nothing the second time. */
  async leave(member: LaneMember, queue: Pick<Queue, 'getBackend'>): Promise<void> {
    const args = [member.id, this.keys.job(''), this.keys.wake('')];
    await onRedis(async () => {
      const next = await leave.run(this.client, [this.keyOf(member)], args);
      if (typeof next === 'string') await promote(queue, next);
    });
  }

  /** A digest: a lane's name is the caller's, of any length and any characters. */
  private keyOf({ lane, owner }: LaneMember): string {
    const name = createHash('sha256')
      .update(JSON.stringify([owner, lane]))
      .digest('base64url');
    return this.keys.lane(name.slice(0, 22));
  }
}
