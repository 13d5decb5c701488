import type { RunningStatus } from '../../domain/status.ts';
import type {
  OutputPiece,
  StreamedEnd,
  StreamLedger,
  StreamLedgerView,
  StreamMark,
} from '../../ports/run-stream.ts';
import type { RedisClient } from '../redis-sdk/client.ts';
import { onRedis } from '../redis-sdk/errors.ts';
import { Script } from '../redis-sdk/script.ts';
import type { RedisKeys } from './keys.ts';

/** A reader that is silent for longer is dead, and others may read on. */
const claimMs = 10_000;
/** Has the claim on the stream of a run that is over, until whoever reads it still has heard of it. */
const nobody = 'nobody';
const closedMs = 60_000;
/** How far a stream was read that nobody reads; forgotten, its last events are told again, which does no harm. */
const seenMs = 120_000;
/** The end waits for an activation, which needs no permit: this outlives any backlog. */
const endMs = 3_600_000;
/** Subscribers that are still behind after the end read the pieces; later ones get the output of the run. */
const outputAfterEndMs = 600_000;
/** More pieces than an hour of streaming has. */
const mostPieces = 50_000;
/** Keys a script: short enough not to be felt by the others on this Redis. */
const batch = 500;

/** Is it still this reader's? It ran out while its reader was slow, and nobody has taken it: it reads on. */
const checkReader = `
  local reader = redis.call('HGET', KEYS[1], 'reader')
  if reader and reader ~= ARGV[1] then return 'lost' end
  if not reader then
    redis.call('HSET', KEYS[1], 'reader', ARGV[1])
    redis.call('PEXPIRE', KEYS[1], ${claimMs})
  end
`;

/** KEYS: stream, output. ARGV: reader, time to live. */
const claim = new Script(`
  local reader = redis.call('HGET', KEYS[1], 'reader')
  if reader and reader ~= ARGV[1] then return 'taken' end
  redis.call('HSET', KEYS[1], 'reader', ARGV[1])
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  local seen = redis.call('HGET', KEYS[1], 'seq') or '-1'
  local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
  if not last then return { '0-0', seen } end
  -- A reader that died has told less of what it read than its pieces do.
  return { last[1], tostring(math.max(tonumber(last[2][2]), tonumber(seen))) }
`);

/**
 * KEYS: stream, output. ARGV: reader, time to live, the output's. What is known of the events is another response's: a
 * piece without text, between two characters, says so to whoever reads on.
 */
const claimNext = new Script(`
  local reader = redis.call('HGET', KEYS[1], 'reader')
  if reader and reader ~= ARGV[1] then return 'taken' end
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'reader', ARGV[1])
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
  local offset, part = string.match(last and last[1] or '0-0', '^(%d+)-(%d+)$')
  redis.call('XADD', KEYS[2], offset .. '-' .. (part + 1), 'seq', -1, 'text', '')
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
  return { offset, '-1' }
`);

/** KEYS: streams. ARGV: reader, time to live. Returns the places of those that are another's. */
const renew = new Script(`
  local lost = {}
  for at, key in ipairs(KEYS) do
    local reader = redis.call('HGET', key, 'reader')
    if reader and reader ~= ARGV[1] then lost[#lost + 1] = at - 1
    else
      -- Ran out while its reader was slow, and nobody has taken it: it reads on.
      if not reader then redis.call('HSET', key, 'reader', ARGV[1]) end
      redis.call('PEXPIRE', key, ARGV[2])
    end
  end
  return lost
`);

/** KEYS: stream. ARGV: reader, event number, time to live. */
const release = new Script(`
  ${checkReader}
  redis.call('HDEL', KEYS[1], 'reader', 'status')
  redis.call('HSET', KEYS[1], 'seq', ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
`);

/** KEYS: stream, output. ARGV: reader, end, text, event number, pieces kept, time to live. One that is there is kept. */
const append = new Script(`
  ${checkReader}
  local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
  if last and tonumber(string.match(last[1], '^%d+')) >= tonumber(ARGV[2]) then return 'kept' end
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[5], ARGV[2] .. '-0', 'seq', ARGV[4], 'text', ARGV[3])
  redis.call('PEXPIRE', KEYS[2], ARGV[6])
  redis.call('PUBLISH', KEYS[2], ARGV[2] .. ':' .. ARGV[3])
  return 'kept'
`);

/** KEYS: stream. ARGV: reader, status. */
const setStatus = new Script(`
  ${checkReader}
  redis.call('HSET', KEYS[1], 'status', ARGV[2])
  return 'kept'
`);

/** KEYS: stream, end. ARGV: reader, end, its time to live. */
const finish = new Script(`
  ${checkReader}
  redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
  redis.call('DEL', KEYS[1])
  return 'kept'
`);

/** KEYS: stream, end. ARGV: nobody, time to live. */
const closeStream = new Script(`
  redis.call('DEL', KEYS[1], KEYS[2])
  redis.call('HSET', KEYS[1], 'reader', ARGV[1])
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
`);

export class RedisStreamLedger implements StreamLedger {
  private readonly client: RedisClient;
  private readonly keys: RedisKeys;
  /** Of the output of a run that is still going. */
  private readonly outputMs: number;

  constructor(client: RedisClient, keys: RedisKeys, options: { readonly keepSeconds: number }) {
    this.client = client;
    this.keys = keys;
    this.outputMs = options.keepSeconds * 1000;
  }

  claim(runId: string, readerId: string): Promise<StreamMark | null> {
    return this.take(claim, runId, [readerId, claimMs]);
  }

  claimNext(runId: string, readerId: string): Promise<StreamMark | null> {
    return this.take(claimNext, runId, [readerId, claimMs, this.outputMs]);
  }

  private async take(
    script: Script,
    runId: string,
    args: readonly (string | number)[],
  ): Promise<StreamMark | null> {
    const keys = [this.keys.stream(runId), this.keys.output(runId)];
    const found = await onRedis(() => script.run(this.client, keys, args));
    if (!Array.isArray(found)) return null;
    const [id, seq]: unknown[] = found;
    return { offset: Number.parseInt(String(id), 10), seq: Number(seq) };
  }

  async renew(runIds: readonly string[], readerId: string): Promise<readonly string[]> {
    const batches: Promise<readonly string[]>[] = [];
    for (let from = 0; from < runIds.length; from += batch)
      batches.push(this.renewBatch(runIds.slice(from, from + batch), readerId));
    return (await Promise.all(batches)).flat();
  }

  private async renewBatch(runIds: readonly string[], readerId: string): Promise<readonly string[]> {
    const keys = runIds.map((id) => this.keys.stream(id));
    const places = await onRedis(() => renew.run(this.client, keys, [readerId, claimMs]));
    return Array.isArray(places) ? places.flatMap((place) => runIds[Number(place)] ?? []) : [];
  }

  async release(runId: string, readerId: string, seq: number): Promise<void> {
    const args = [readerId, seq, seenMs];
    await onRedis(() => release.run(this.client, [this.keys.stream(runId)], args));
  }

  async append(runId: string, readerId: string, { end, text }: OutputPiece, seq: number): Promise<boolean> {
    const keys = [this.keys.stream(runId), this.keys.output(runId)];
    const args = [readerId, end, text, seq, mostPieces, this.outputMs];
    return (await onRedis(() => append.run(this.client, keys, args))) === 'kept';
  }

  async setStatus(runId: string, readerId: string, status: RunningStatus): Promise<boolean> {
    const keys = [this.keys.stream(runId)];
    return (await onRedis(() => setStatus.run(this.client, keys, [readerId, status]))) === 'kept';
  }

  async finish(runId: string, readerId: string, end: StreamedEnd): Promise<boolean> {
    const keys = [this.keys.stream(runId), this.keys.streamEnd(runId)];
    const args = [readerId, JSON.stringify(end), endMs];
    return (await onRedis(() => finish.run(this.client, keys, args))) === 'kept';
  }

  async view(runId: string): Promise<StreamLedgerView> {
    const [[reader, status], end] = await onRedis(() =>
      Promise.all([
        this.client.hmget(this.keys.stream(runId), 'reader', 'status'),
        this.client.get(this.keys.streamEnd(runId)),
      ]),
    );
    return {
      held: typeof reader === 'string' && reader !== nobody,
      status: isRunning(status) ? status : null,
      end: end === null ? null : JSON.parse(end),
    };
  }

  async forget(runId: string): Promise<void> {
    const { client, keys } = this;
    await onRedis(() =>
      Promise.all([
        closeStream.run(client, [keys.stream(runId), keys.streamEnd(runId)], [nobody, closedMs]),
        client.pexpire(keys.output(runId), outputAfterEndMs),
      ]),
    );
  }
}

function isRunning(status: string | null | undefined): status is RunningStatus {
  return status === 'queued' || status === 'in_progress';
}
