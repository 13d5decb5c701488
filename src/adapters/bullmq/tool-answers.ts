import type { ToolCall } from '../../domain/snapshot.ts';
import type { TimedAnswer } from '../../domain/tools.ts';
import type { Kept, ToolAnswers, ToolReturn } from '../../ports/tool-calls.ts';
import type { RedisClient } from '../redis-sdk/client.ts';
import { onRedis } from '../redis-sdk/errors.ts';
import { Script } from '../redis-sdk/script.ts';
import { type RunKeys, runKeys } from './keys.ts';

/**
 * One hash a run, which goes with it: `round` (the latest), `<round>` (what it asks), `<round>:<call id>` (the answer;
 * empty while there is none), `<round>:` (how many are missing).
 */
export class RedisToolAnswers implements ToolAnswers {
  private readonly client: RedisClient;
  private readonly keys: RunKeys;

  constructor(client: RedisClient, prefix: string) {
    this.client = client;
    this.keys = runKeys(prefix);
  }

  async open(runId: string, round: number, calls: readonly ToolCall[]): Promise<void> {
    const fields = calls.map(({ id }) => field(round, id));
    const args = [round, JSON.stringify(calls), field(round, ''), ...fields];
    await onRedis(() => openRound.run(this.client, [this.keys.tools(runId), this.keys.job(runId)], args));
  }

  async keep({ runId, round, toolCallId, ...answer }: ToolReturn): Promise<Kept> {
    const { answer: said, startedAtMs, endedAtMs } = answer;
    const text = JSON.stringify({ answer: said, startedAtMs, endedAtMs } satisfies TimedAnswer);
    const args = [round, field(round, toolCallId), text, field(round, '')];
    const kept = await onRedis(() => keepAnswer.run(this.client, [this.keys.tools(runId)], args));
    return kept === 'kept' || kept === 'complete' || kept === 'known' ? kept : 'not_asked';
  }

  async read(
    runId: string,
    round: number,
    toolCallIds: readonly string[],
  ): Promise<ReadonlyMap<string, TimedAnswer>> {
    if (toolCallIds.length === 0) return new Map();
    const fields = toolCallIds.map((id) => field(round, id));
    const found = await onRedis(() => this.client.hmget(this.keys.tools(runId), ...fields));
    return new Map(
      toolCallIds.flatMap((id, at): [string, TimedAnswer][] => {
        const text = found[at];
        return typeof text === 'string' && text !== '' ? [[id, JSON.parse(text)]] : [];
      }),
    );
  }

  async unanswered(runId: string, round: number): Promise<readonly ToolCall[]> {
    const key = this.keys.tools(runId);
    const text = await onRedis(() => this.client.hget(key, String(round)));
    if (text === null) return [];
    const calls: readonly ToolCall[] = JSON.parse(text);
    // Lengths, not answers: those may be megabytes.
    const lengths = await onRedis(() =>
      Promise.all(calls.map(({ id }) => this.client.hstrlen(key, field(round, id)))),
    );
    return calls.filter((_, at) => lengths[at] === 0);
  }
}

function field(round: number, toolCallId: string): string {
  return `${round}:${toolCallId}`;
}

/** KEYS: tools, job. ARGV: round, what it asks, how many are missing, a field for each call. A run that is gone gets no keys. */
const openRound = new Script(`
  if redis.call('EXISTS', KEYS[2]) == 0 then return 'missing' end
  if redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 'known' end
  for i = 4, #ARGV do
    if redis.call('HSETNX', KEYS[1], ARGV[i], '') == 1 then redis.call('HINCRBY', KEYS[1], ARGV[3], 1) end
  end
  if tonumber(ARGV[1]) > tonumber(redis.call('HGET', KEYS[1], 'round') or '0') then
    redis.call('HSET', KEYS[1], 'round', ARGV[1])
  end
  return 'opened'
`);

/** KEYS: tools. ARGV: round, field, answer, how many are missing. */
const keepAnswer = new Script(`
  local before = redis.call('HGET', KEYS[1], ARGV[2])
  if not before or redis.call('HGET', KEYS[1], 'round') ~= ARGV[1] then return 'not_asked' end
  if before ~= '' then return 'known' end
  redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
  if redis.call('HINCRBY', KEYS[1], ARGV[4], -1) <= 0 then return 'complete' end
  return 'kept'
`);
