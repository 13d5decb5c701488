/** The fleet's records against the provider's ledger. */

import type { RunView } from '../../src/client/index.ts';
import type { LedgerRun } from '../../src/simulator/index.ts';
import type { Evidence } from '../evidence.ts';
import { numberKey, outputOf, type PlannedRun } from '../plan.ts';
import { admitsOrphan, type Breach, breach, type Check, count, providerRunsOf } from './check.ts';

export const createsKnown: Check = {
  name: 'provider runs = creates known',
  promise:
    'Every run at the provider is of an accepted run and counted in its calls; a second one for one create only where on_ambiguous allows it; an orphan only where the outcome says so.',
  find: (evidence) => [
    ...evidence.ledger.runs
      .filter(({ runfleetId }) => runfleetId === null || !evidence.records.has(runfleetId))
      .map(({ id, runfleetId }) => breach(`The provider's ${id} is of no accepted run.`, runfleetId)),
    ...[...evidence.records.values()].flatMap((run) => createsOf(run, evidence)),
    ...claimedTwice(evidence),
  ],
  seen: ({ ledger }) =>
    `${count(ledger.runs.length, 'run')} there, ${ledger.duplicates.length} of them allowed twice`,
};

function createsOf(run: RunView, evidence: Evidence): Breach[] {
  const there = providerRunsOf(evidence, run.id);
  const breaches: Breach[] = [];
  const most = run.kind === 'responses' ? run.calls.create + run.calls.submit : run.calls.create;
  if (there.length > most)
    breaches.push(
      breach(`The provider has ${there.length} runs of it, and it knows of ${most} creates.`, run.id),
    );
  const planned = plannedOf(run, evidence);
  const twice = evidence.ledger.duplicates.find(({ runfleetId }) => runfleetId === run.id);
  if (twice !== undefined && !mayRunTwice(planned))
    breaches.push(breach(`Created twice: ${twice.runIds.join(', ')}`, run.id));
  const orphans = there.filter(({ id }) => !run.provider_run_ids.includes(id));
  if (orphans.length > 0 && !admitsOrphan(run) && !(twice !== undefined && mayRunTwice(planned)))
    breaches.push(breach(`Unknown to it: ${orphans.map(({ id }) => id).join(', ')}`, run.id));
  const foreign = run.provider_run_ids.filter((id) => !there.some((each) => each.id === id));
  if (foreign.length > 0) breaches.push(breach(`Not its own: ${foreign.join(', ')}`, run.id));
  return breaches;
}

/** A thread can be listed: there, nothing needs to be risked. */
function mayRunTwice(planned: PlannedRun | null): boolean {
  if (planned === null) return false;
  return planned.input.on_ambiguous === 'retry' && planned.input.request['thread_id'] === undefined;
}

function claimedTwice({ records }: Evidence): Breach[] {
  const claims = [...records.values()].flatMap((run) =>
    run.provider_run_ids.map((id) => ({ id, runId: run.id })),
  );
  return [...Map.groupBy(claims, ({ id }) => id)]
    .filter(([, group]) => group.length > 1)
    .map(([id, group]) => breach(`${id} is claimed more than once.`, ...group.map(({ runId }) => runId)));
}

function plannedOf(run: RunView, { sendings }: Evidence): PlannedRun | null {
  const found = sendings.find(({ planned }) => String(planned.n) === run.metadata[numberKey]);
  return found?.planned ?? null;
}

export const endsAreTrue: Check = {
  name: 'ends are true',
  promise:
    'A run has ended as the provider says, or for a reason of its own that can be seen; completed ones have their output.',
  find: (evidence) => [...evidence.records.values()].flatMap((run) => endOf(run, evidence)),
  seen: ({ records }) => {
    const byStatus = Map.groupBy(records.values(), ({ status }) => status);
    return [...byStatus].map(([status, runs]) => `${runs.length} ${status}`).join(', ');
  },
};

function endOf(run: RunView, evidence: Evidence): Breach[] {
  const there = evidence.ledger.runs.find(({ id }) => id === run.provider_run_id);
  const planned = plannedOf(run, evidence);
  const wrong = (what: string): Breach[] => [breach(`${run.status}, but ${what}`, run.id)];
  switch (run.status) {
    case 'completed':
      if (there?.status !== 'completed') return wrong(`the provider says ${there?.status ?? 'nothing'}.`);
      if (run.error !== null) return wrong(`its output is missing: ${run.error.code}.`);
      if (planned !== null && run.output_text !== outputOf(planned.n))
        return wrong(`its output is "${run.output_text}".`);
      return [];
    case 'incomplete':
    case 'expired':
      return there?.status === run.status ? [] : wrong(`the provider says ${there?.status ?? 'nothing'}.`);
    case 'failed':
      return run.error?.code === 'ambiguous_create' || there?.status === 'failed'
        ? []
        : wrong(`why? ${run.error?.code}: ${run.error?.message}`);
    case 'cancelled':
      return planned?.cancelAfterMs !== null || there?.status === 'cancelled'
        ? []
        : wrong('nobody asked for it.');
    case 'timed_out':
      return isLate(run, planned) ? [] : wrong('its deadline had not come.');
    // This provider forgets nothing and refuses nothing.
    case 'lost':
    case 'rejected':
      return wrong(`${run.error?.code}: ${run.error?.message}`);
    // acceptedIsEnded tells of these.
    case 'accepted':
    case 'creating':
    case 'queued':
    case 'in_progress':
    case 'requires_action':
    case 'cancelling':
      return [];
    default: {
      const never: never = run.status;
      return never;
    }
  }
}

function isLate(run: RunView, planned: PlannedRun | null): boolean {
  const deadlineMs = Date.parse(run.accepted_at) + (planned?.input.deadline_seconds ?? 0) * 1000;
  return Date.parse(run.detected_at ?? '') >= deadlineMs;
}

export const nothingGoesOn: Check = {
  name: 'nothing goes on unseen',
  promise: 'No run at the provider is still going when its own has ended, but where the outcome says so.',
  find: (evidence) =>
    evidence.ledger.runs.filter(isOpen).flatMap(({ id, runfleetId, status }) => {
      const run = evidence.records.get(runfleetId ?? '');
      // An orphan is createsKnown's.
      if (run === undefined || !run.provider_run_ids.includes(id) || admitsOrphan(run)) return [];
      return breach(`It has ended ${run.status}, and ${id} is ${status}.`, run.id);
    }),
  seen: ({ ledger }) => `${ledger.runs.filter(isOpen).length} still going`,
};

function isOpen({ endedAtMs }: LedgerRun): boolean {
  return endedAtMs === null;
}

export const quotaKept: Check = {
  name: 'quota kept',
  promise: 'In no 60 s were there more calls than the account allows.',
  find: ({ ledger, rpm }) =>
    ledger.worstWindow.calls <= rpm
      ? []
      : [breach(`${ledger.worstWindow.calls} calls in 60 s; ${rpm} are allowed.`)],
  seen: ({ ledger, rpm }) =>
    `${ledger.worstWindow.calls} of ${rpm} in the worst 60 s, ${ledger.callsTotal} in all`,
};
