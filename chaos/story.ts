/** Everything that is known of one run, in the order of time. */

import { providerRunsOf } from './checks/check.ts';
import type { Evidence } from './evidence.ts';
import { during } from './journal.ts';

interface Moment {
  readonly atMs: number;
  readonly what: string;
}

export function story(runId: string, evidence: Evidence): string {
  const record = evidence.records.get(runId);
  const sending = evidence.sendings.find((each) => each.runId === runId);
  const there = providerRunsOf(evidence, runId);
  const fromMs = record === undefined ? 0 : Date.parse(record.accepted_at);
  const toMs = Date.parse(record?.detected_at ?? '') || Infinity;
  const moments = [
    ...outside(runId, evidence),
    ...strokes(evidence, fromMs - 1000, toMs + 10_000),
    ...inside(runId, evidence),
  ].toSorted((a, b) => a.atMs - b.atMs);
  return [
    `# ${runId}`,
    '',
    ...moments.map(({ atMs, what }) => `  ${String(atMs - fromMs).padStart(8)} ms  ${what}`),
    '',
    JSON.stringify({ planned: sending?.planned, record, there }, null, 2),
    '',
  ].join('\n');
}

/** What its sender, the provider, the tools and the receiver of callbacks saw. */
function outside(runId: string, { sendings, ledger, effects, deliveries }: Evidence): Moment[] {
  const moments: Moment[] = [];
  const note = (atMs: number | null, what: string): void => {
    if (atMs !== null) moments.push({ atMs, what });
  };
  for (const sending of sendings.filter((each) => each.runId === runId)) {
    note(sending.sentAtMs, 'sent');
    note(sending.acceptedAtMs, 'its sender knows that it is accepted');
    note(sending.cancelledAtMs, 'cancelled by its sender');
  }
  for (const { id, createdAtMs, endedAtMs, status } of ledger.runs.filter(
    (each) => each.runfleetId === runId,
  )) {
    note(createdAtMs, `${id} created at the provider`);
    note(endedAtMs, `${id} ${status} there`);
  }
  for (const { toolCallId, pid, startedAtMs, finishedAtMs } of effects.filter(
    (each) => each.runId === runId,
  )) {
    note(startedAtMs, `${toolCallId} started by ${pid}`);
    note(finishedAtMs, `${toolCallId} finished by ${pid}`);
  }
  for (const { atMs, id, type, answer } of deliveries.filter((each) => each.runId === runId))
    note(atMs, `callback ${id} ${type}, answered ${answer}`);
  return moments;
}

function strokes({ deeds }: Evidence, fromMs: number, toMs: number): Moment[] {
  return during(deeds, fromMs, toMs).map(({ atMs, untilMs, what, target }) => {
    const whole = untilMs === null ? '' : `, whole after ${untilMs - atMs} ms`;
    return { atMs, what: `* ${what} ${target}${whole}` };
  });
}

/** What the processes logged of it. */
function inside(runId: string, { logs }: Evidence): Moment[] {
  return logs
    .filter((each) => each.runId === runId)
    .map(({ atMs, member, pid, line }) => ({ atMs, what: `${member} (${pid}) ${line}` }));
}
