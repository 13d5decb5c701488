/** Tools and lanes: what must be done once, and what must be done in turn. */

import type { RunView } from '../../src/client/index.ts';
import type { Evidence } from '../evidence.ts';
import { admitsOrphan, type Breach, breach, type Check, count, providerRunsOf } from './check.ts';

/** How long a tool worker may be silent before it counts as dead. */
const silentMs = 5000;

export const toolsOnce: Check = {
  name: 'tool calls once',
  promise: 'A tool call is run again only if its worker died, or stood still as the dead do.',
  find: (evidence) => {
    const byCall = Map.groupBy(evidence.effects, ({ runId, toolCallId }) => `${runId} ${toolCallId}`);
    return [...byCall.values()].flatMap((effects) => {
      const ordered = effects.toSorted((a, b) => a.startedAtMs - b.startedAtMs);
      return ordered.slice(1).flatMap((next, at) => {
        const before = ordered[at];
        if (before === undefined || diedBetween(evidence, before.pid, before.startedAtMs, next.startedAtMs))
          return [];
        return breach(
          `${next.toolCallId} was run again, and its worker ${before.pid} had not died.`,
          next.runId,
        );
      });
    });
  },
  seen: ({ effects }) => {
    const calls = new Set(effects.map(({ runId, toolCallId }) => `${runId} ${toolCallId}`)).size;
    return `${count(calls, 'call')}, ${effects.length - calls} again`;
  },
};

function diedBetween({ lives }: Evidence, pid: number, fromMs: number, toMs: number): boolean {
  const life = lives.find((each) => each.pid === pid);
  if (life === undefined) return false;
  const gone = life.toMs !== null && life.toMs >= fromMs && life.toMs <= toMs;
  const still = life.frozen.some(
    (each) => each.fromMs <= toMs && each.toMs >= fromMs && each.toMs - each.fromMs > silentMs,
  );
  return gone || still;
}

export const lanesInTurn: Check = {
  name: 'lanes in turn',
  promise:
    'Runs of one lane or thread are never at the provider together, and go in the order of their acceptance.',
  find: (evidence) => {
    const lanes = Map.groupBy(evidence.records.values(), ({ lane }) => lane);
    return [...lanes].flatMap(([lane, runs]) => (lane === null ? [] : laneOf(lane, runs, evidence)));
  },
  seen: ({ records }) => {
    const inLanes = [...records.values()].filter(({ lane }) => lane !== null);
    return `${count(inLanes.length, 'run')} in ${count(new Set(inLanes.map(({ lane }) => lane)).size, 'lane')}`;
  },
};

interface Stay {
  readonly run: RunView;
  readonly fromMs: number;
  readonly toMs: number;
}

function laneOf(lane: string, runs: readonly RunView[], evidence: Evidence): Breach[] {
  const stays = runs.flatMap((run) => stayOf(run, evidence)).toSorted((a, b) => a.fromMs - b.fromMs);
  const breaches: Breach[] = [];
  for (const [at, stay] of stays.entries()) {
    for (const later of stays.slice(at + 1)) {
      if (later.fromMs < stay.toMs)
        breaches.push(
          breach(
            `Both at the provider in ${lane}, for ${stay.toMs - later.fromMs} ms.`,
            stay.run.id,
            later.run.id,
          ),
        );
      if (isBefore(later.run, stay.run, evidence))
        breaches.push(breach(`Accepted later, but created earlier in ${lane}.`, stay.run.id, later.run.id));
    }
  }
  return breaches;
}

/** From its first create to its last end there. One that says itself that it may still run is not held to it. */
function stayOf(run: RunView, evidence: Evidence): Stay[] {
  const there = providerRunsOf(evidence, run.id).filter(({ id }) => run.provider_run_ids.includes(id));
  const [first] = there;
  if (first === undefined) return [];
  const ends = there.map(({ endedAtMs }) => endedAtMs ?? Infinity);
  return [
    { run, fromMs: first.createdAtMs, toMs: admitsOrphan(run) ? first.createdAtMs : Math.max(...ends) },
  ];
}

/** Only what was accepted before the other was sent is surely the first. */
function isBefore(first: RunView, second: RunView, { sendings }: Evidence): boolean {
  const heardAtMs = sendings.find(({ runId }) => runId === first.id)?.acceptedAtMs ?? Infinity;
  const sentAtMs = sendings.find(({ runId }) => runId === second.id)?.sentAtMs ?? -Infinity;
  return heardAtMs < sentAtMs;
}
