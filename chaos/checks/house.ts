/** The processes themselves, and what is left in Redis and in the logs. */

import type { Evidence, LogLine } from '../evidence.ts';
import { during } from '../journal.ts';
import { breach, type Check, count } from './check.ts';

const longestStopMs = 25_000;

export const stopsInOrder: Check = {
  name: 'stops in order',
  promise: 'A process that is told SIGTERM exits 0 within 25 s, and none ends by itself.',
  find: ({ lives }) =>
    lives.flatMap(({ member, pid, end, code, signal, stopMs }) => {
      const who = `${member} (pid ${pid})`;
      if (end === 'itself') return breach(`${who} ended by itself: code ${code}, signal ${signal}.`);
      if (end !== 'term') return [];
      if (stopMs === null || stopMs > longestStopMs) return breach(`${who} took ${stopMs} ms to stop.`);
      return code === 0 ? [] : breach(`${who} exited with code ${code}, signal ${signal}.`);
    }),
  seen: ({ lives }) => {
    const stopped = lives.filter(({ end }) => end === 'term');
    const slowest = Math.max(0, ...stopped.map(({ stopMs }) => stopMs ?? 0));
    return `${lives.length} processes, ${stopped.length} told to stop, the slowest in ${(slowest / 1000).toFixed(1)} s`;
  },
};

/** A crash between two writes may leave a key behind; it must go by itself, and soon. */
const soonMs = 3_600_000;

/** What serves only runs that are on their way, and how long it may stay after them. */
const passing: readonly (readonly [RegExp, string, number])[] = [
  [/:lock$/, 'a lock', soonMs],
  [/:wake:/, 'a wake', soonMs],
  [/:lane:/, 'a lane', soonMs],
  [/:callback-body:/, 'the body of a callback', soonMs],
  [/:(unclaimed|quarantine):/, 'a search for a lost create', soonMs],
  [/:stream:/, 'a lease on a stream', soonMs],
  // Goes with the end of its run, also where that was told twice or by another process.
  [/:stream-end:/, 'the end of a stream', 0],
  [
    /:(runs|tools|callbacks|tools-http):(active|wait|delayed|prioritized|paused)$/,
    'jobs on their way',
    soonMs,
  ],
];

/** `known`: the runs that there are. An API process that died before it added a run's job may leave its lane behind. */
export function leftBehind(keys: Evidence['keys'], known: ReadonlySet<string>): Evidence['keys'] {
  return keys.filter(({ key, ttlMs, runIds }) => {
    const isOfNobody = runIds.length > 0 && runIds.every((id) => !known.has(id));
    const stays = (mostMs: number): boolean => ttlMs === null || ttlMs > mostMs;
    return !isOfNobody && passing.some(([pattern, , mostMs]) => pattern.test(key) && stays(mostMs));
  });
}

export const nothingLeft: Check = {
  name: 'nothing left behind',
  promise:
    'No lock, wake, lane, lease, job or body of a callback outlives the runs it served by more than an hour, and no end of a stream at all.',
  find: ({ keys, records }) =>
    passing.flatMap(([pattern, what]) => {
      const left = leftBehind(keys, new Set(records.keys())).flatMap(({ key }) =>
        pattern.test(key) ? key : [],
      );
      return left.length === 0
        ? []
        : breach(`${count(left.length, 'key')} of ${what}: ${left.slice(0, 5).join(', ')}`);
    }),
  seen: ({ keys }) => {
    const going = keys.filter(
      ({ key, ttlMs }) => ttlMs !== null && passing.some(([pattern]) => pattern.test(key)),
    );
    return `${count(keys.length, 'key')} in Redis, ${going.length} of them about to go`;
  },
};

/** As seen by a process whose Redis is gone, slow, or just back. */
const afterRedisMs = 8000;

export const quietLogs: Check = {
  name: 'quiet logs',
  promise: 'Nothing is logged as an error but while Redis is out of reach.',
  find: ({ logs, deeds, lives }) => {
    const unexplained = logs.filter((line) => line.level >= 50 && !isExplained(line, deeds, lives));
    const byMessage = Map.groupBy(unexplained, ({ message }) => message);
    return [...byMessage].map(([message, lines]) =>
      breach(
        `${lines.length} × "${message}": ${lines[0]?.line.slice(0, 500)}`,
        ...new Set(lines.map(({ runId }) => runId)),
      ),
    );
  },
  seen: ({ logs }) =>
    `${count(logs.length, 'line')}, ${logs.filter(({ level }) => level >= 50).length} errors while Redis was away`,
};

function isExplained({ atMs, pid }: LogLine, deeds: Evidence['deeds'], lives: Evidence['lives']): boolean {
  const atRedis = during(deeds, atMs - afterRedisMs, atMs).some(
    ({ target }) => target === 'redis' || target === 'wire',
  );
  const frozen = lives.find((life) => life.pid === pid)?.frozen ?? [];
  return atRedis || frozen.some(({ fromMs, toMs }) => fromMs <= atMs && atMs <= toMs + afterRedisMs);
}
