/** Accepted = ended, and each end told the same to everybody. */

import { isDeepStrictEqual } from 'node:util';
import { hasEnded, type RunView } from '../../src/client/index.ts';
import type { Evidence } from '../evidence.ts';
import { numberKey } from '../plan.ts';
import { endsTold } from '../producer.ts';
import { type Breach, breach, type Check, count } from './check.ts';

export const acceptedIsEnded: Check = {
  name: 'accepted = ended',
  promise: 'Every accepted run has reached a terminal outcome.',
  find: ({ sendings, records }) => [
    ...sendings.flatMap(({ runId }) => {
      if (runId === null || records.has(runId)) return [];
      return breach('It was accepted, and is gone.', runId);
    }),
    ...[...records.values()]
      .filter((run) => !hasEnded(run))
      .map(({ id, status }) => breach(`It has not ended: ${status}.`, id)),
  ],
  seen: ({ records }) => count(records.size, 'run'),
};

export const acceptedOnce: Check = {
  name: 'accepted once',
  promise: 'What was sent with a key is one run, however often it was sent; nothing runs that nobody sent.',
  find: ({ sendings, records, listed }) => {
    const byNumber = Map.groupBy(records.values(), ({ metadata }) => metadata[numberKey]);
    return [
      ...sendings.flatMap(({ planned, runId, inDoubt, refusal }) => {
        const runs = byNumber.get(String(planned.n)) ?? [];
        const ids = runs.map(({ id }) => id);
        if (refusal !== null) return breach(`Number ${planned.n} was refused: ${refusal}`, ...ids);
        if (runs.length > 1) return breach(`Number ${planned.n} was accepted more than once.`, ...ids);
        if (runId === null && planned.idempotencyKey !== null)
          return breach(`Number ${planned.n} was never accepted.`);
        if (runId === null && runs.length > 0 && !inDoubt) return breach('It runs, and was refused.', ...ids);
        return [];
      }),
      ...[...records.keys()]
        .filter((id) => !listed.includes(id))
        .map((id) => breach('No list shows it.', id)),
    ];
  },
  seen: ({ sendings }) => count(sendings.length, 'run') + ' sent',
};

export const oneOutcome: Check = {
  name: 'one outcome each',
  promise: 'What callbacks, events and waiting callers were told of an end is what the record says.',
  find: (evidence) => {
    const { sendings, deliveries, records } = evidence;
    return [
      ...sendings.flatMap((sending) =>
        endsTold(sending).flatMap((view) => differences(view, records, 'its sender')),
      ),
      ...sendings.flatMap(toldAfterEnd),
      ...deliveries.flatMap(({ run }) => differences(run, records, 'a callback')),
    ];
  },
  seen: ({ sendings, deliveries }) =>
    `${sendings.flatMap(endsTold).length} told, ${count(deliveries.length, 'callback')}`,
};

/** What may differ: where it was sent again, which comes after its end. */
function differences(told: RunView, records: Evidence['records'], whom: string): Breach[] {
  const record = records.get(told.id);
  if (record === undefined) return [breach(`Unknown, but told to ${whom}.`, told.id)];
  const after = new Map(Object.entries({ ...record, redriven_as: null }));
  const before = Object.entries({ ...told, redriven_as: null });
  const shown = before.flatMap(([key, value]) =>
    isDeepStrictEqual(value, after.get(key))
      ? []
      : `${key}: ${JSON.stringify(value)} ≠ ${JSON.stringify(after.get(key))}`,
  );
  if (shown.length === 0) return [];
  const what = `What ${whom} was told is not what the record says: ${shown.join('; ').slice(0, 600)}`;
  return [breach(what, told.id)];
}

function toldAfterEnd({ told }: Evidence['sendings'][number]): Breach[] {
  const first = told.findIndex(hasEnded);
  return told.flatMap((view, at) =>
    first >= 0 && at > first && !hasEnded(view) ? breach(`Told ${view.status} after its end.`, view.id) : [],
  );
}

export const callbacksDelivered: Check = {
  name: 'callbacks delivered',
  promise: 'Every ended run that names a URL has had its callback taken there, under one id, signed.',
  find: ({ sendings, deliveries, deadCallbacks, oddities }) => {
    const byRun = Map.groupBy(
      deliveries.filter(({ type }) => type !== 'run.requires_action'),
      ({ runId }) => runId,
    );
    return [
      ...sendings.flatMap(({ planned, runId }) => {
        if (runId === null) return [];
        const got = byRun.get(runId) ?? [];
        if (planned.input.callback === undefined)
          return got.length === 0 ? [] : breach('It names no URL, and was told.', runId);
        if (!got.some(({ answer }) => answer === 204)) return breach('Its callback was never taken.', runId);
        const ids = new Set(got.map(({ id }) => id));
        return ids.size === 1 ? [] : breach(`Its callbacks have several ids: ${[...ids].join(', ')}`, runId);
      }),
      ...deadCallbacks.map(({ run_id, error }) => breach(`Its callback was given up: ${error}`, run_id)),
      ...oddities.map((what) => breach(what)),
    ];
  },
  seen: ({ deliveries }) => {
    const first = new Set(deliveries.map(({ id }) => id)).size;
    return `${count(first, 'callback')} in ${count(deliveries.length, 'try').replace('trys', 'tries')}`;
  },
};
