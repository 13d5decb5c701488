/**
 * What a worker knows of a create, and Redis does not: it was away for longer than the worker's lock lasts, or it has
 * forgotten its last writes (a crash before its disk had them, a replica that was promoted without them). It is left
 * beside the run, and whoever takes the run up goes on from there.
 */

import type { RunState } from '../../domain/run.ts';
import type { RedisClient } from '../redis-sdk/client.ts';
import { onRedis } from '../redis-sdk/errors.ts';
import { Script } from '../redis-sdk/script.ts';
import type { RunKeys } from './keys.ts';
import { promote, type Promoter } from './promote.ts';
import { wakeJob } from './scripts.ts';

export interface LateReply {
  /** Of the create that it answers: a later one is another matter. */
  readonly intentAtMs: number;
  /** Of the response that this one continues; null for the first of a run. */
  readonly formerId: string | null;
  /** The latest that is known; `creating` while the answer is out. */
  readonly state: RunState;
}

/**
 * No lock: nobody else can know it.
 * KEYS: job, wake. ARGV: when the create's intent was written, the former id ('' for none), the reply.
 */
const leave = new Script(`
  if redis.call('HEXISTS', KEYS[1], 'data') == 0 or redis.call('HEXISTS', KEYS[1], 'outcome') == 1 then
    return 'ended'
  end
  local progress = redis.call('HGET', KEYS[1], 'progress') or '0'
  local function has(text) return progress:find(text, 1, true) ~= nil end
  local intent = '"intentAtMs":' .. ARGV[1]
  local waits = has('"phase":"creating"') and (has(intent .. ',') or has(intent .. '}'))
  local forgot = progress == '0' or has('"phase":"accepted"')
  if ARGV[2] ~= '' then
    forgot = has('"phase":"following"') and has('"providerRunId":"' .. ARGV[2] .. '"')
  end
  if not waits and not forgot then return 'known' end
  redis.call('HSET', KEYS[1], 'reply', ARGV[3])
  ${wakeJob('KEYS[1]', 'KEYS[2]', "'caller'")}
  return 'left'
`);

export async function leaveReply(
  client: RedisClient,
  keys: RunKeys,
  queue: Promoter,
  id: string,
  reply: LateReply,
): Promise<void> {
  const args = [reply.intentAtMs, reply.formerId ?? '', JSON.stringify(reply)];
  await onRedis(async () => {
    const left = await leave.run(client, [keys.job(id), keys.wake(id)], args);
    if (left === 'left') await promote(queue, id);
  });
}

/** The state to go on from. */
export function withReply(state: RunState, text: unknown): RunState {
  if (typeof text !== 'string') return state;
  const reply: LateReply = JSON.parse(text);
  switch (state.phase) {
    case 'accepted':
      return reply.formerId === null ? reply.state : state;
    case 'creating':
      return reply.intentAtMs === state.intentAtMs ? reply.state : state;
    case 'following':
      return reply.formerId === state.providerRunId ? reply.state : state;
    case 'fetching':
    case 'ended':
      return state;
    default: {
      const never: never = state;
      return never;
    }
  }
}
