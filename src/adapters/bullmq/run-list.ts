import { InvalidCursorError } from '../../domain/errors.ts';
import { statusOf } from '../../domain/run.ts';
import { deadStatuses, runKinds, type RunStatus } from '../../domain/status.ts';
import type { ListQuery, RunPage, RunRecord } from '../../ports/run-store.ts';
import type { RedisClient } from '../redis-sdk/client.ts';
import type { RunKeys } from './keys.ts';

/** A place in the order of acceptance, newest first; ids settle ties. */
interface Place {
  readonly atMs: number;
  readonly id: string;
}

type ReadRecords = (ids: readonly string[]) => Promise<readonly (RunRecord | null)[]>;

const chunk = 100;
/** Entries read for one page at most. */
const mostRead = 5000;

/** One page of runs, from the index that narrows the query most. Entries that have moved on are passed over. */
export async function listRuns(
  client: RedisClient,
  keys: RunKeys,
  query: ListQuery,
  read: ReadRecords,
): Promise<RunPage> {
  const sources = await sourcesOf(client, keys, query);
  const runs: RunRecord[] = [];
  let after = query.cursor === undefined ? null : decodeCursor(query.cursor);
  for (let readSoFar = 0; ; readSoFar += chunk) {
    const places = await nextPlaces(client, sources, after);
    const records = await read(places.map(({ id }) => id));
    for (const [position, record] of records.entries()) {
      const place = places[position];
      if (place !== undefined) after = place;
      if (record === null || !matches(record, query)) continue;
      runs.push(record);
      if (runs.length === query.limit)
        return { runs, nextCursor: after === null ? null : encodeCursor(after) };
    }
    if (places.length < chunk) return { runs, nextCursor: null };
    if (readSoFar >= mostRead && after !== null) return { runs, nextCursor: encodeCursor(after) };
  }
}

async function sourcesOf(
  client: RedisClient,
  keys: RunKeys,
  { status, dead, kind, owner }: ListQuery,
): Promise<string[]> {
  const own = owner === undefined ? null : keys.ownerIndex(owner);
  const statuses = status === undefined ? (dead === true ? deadStatuses : []) : [status];
  if (statuses.length === 0) return [own ?? keys.index];
  const byStatus = (kind === undefined ? runKinds : [kind]).flatMap((each) =>
    statuses.map((one) => keys.statusIndex(each, one)),
  );
  if (own === null) return byStatus;
  const [ofOwner = 0, ...ofStatus] = await Promise.all([own, ...byStatus].map((key) => client.zcard(key)));
  return ofOwner < ofStatus.reduce((sum, size) => sum + size, 0) ? [own] : byStatus;
}

function matches(record: RunRecord, { status, dead, kind, owner }: ListQuery): boolean {
  if (owner !== undefined && record.spec.owner !== owner) return false;
  const actual = record.outcome?.status ?? statusOf(record.state);
  if (dead === true && !isDead(actual, record)) return false;
  return (status === undefined || actual === status) && (kind === undefined || record.spec.kind === kind);
}

function isDead(status: RunStatus, { redrivenAs }: RunRecord): boolean {
  return redrivenAs === undefined && deadStatuses.some((dead) => dead === status);
}

async function nextPlaces(
  client: RedisClient,
  sources: readonly string[],
  after: Place | null,
): Promise<Place[]> {
  const pages = await Promise.all(sources.map((key) => placesAfter(client, key, after)));
  return pages.flat().sort(newestFirst).slice(0, chunk);
}

/** Up to `chunk` places after `after`. Those of the same millisecond are walked through: there can be thousands. */
async function placesAfter(client: RedisClient, key: string, after: Place | null): Promise<Place[]> {
  const found: Place[] = [];
  for (let offset = 0; found.length < chunk; offset += chunk) {
    const flat = await client.zrange(
      key,
      after?.atMs ?? '+inf',
      '-inf',
      'BYSCORE',
      'REV',
      'LIMIT',
      offset,
      chunk,
      'WITHSCORES',
    );
    for (let at = 0; at < flat.length; at += 2) {
      const place = { id: flat[at] ?? '', atMs: Number(flat[at + 1]) };
      if (after === null || newestFirst(after, place) < 0) found.push(place);
    }
    if (flat.length < 2 * chunk) break;
  }
  return found.slice(0, chunk);
}

/** As Redis orders them in reverse: by score, then by the bytes of the id. */
function newestFirst(a: Place, b: Place): number {
  if (a.atMs !== b.atMs) return b.atMs - a.atMs;
  if (a.id === b.id) return 0;
  return a.id < b.id ? 1 : -1;
}

const encodeCursor = ({ atMs, id }: Place): string => Buffer.from(`${atMs} ${id}`).toString('base64url');

function decodeCursor(cursor: string): Place {
  const match = /^(\d{1,15}) (.{1,256})$/.exec(Buffer.from(cursor, 'base64url').toString());
  if (match === null)
    throw new InvalidCursorError('This cursor did not come from a list: send `next_cursor` as it came.');
  return { atMs: Number(match[1]), id: match[2] ?? '' };
}
