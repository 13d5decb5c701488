/** One session of chaos: a fleet is raised, loaded, broken, healed, and judged. */

import { setTimeout as sleep } from 'node:timers/promises';
import { hasEnded } from '../src/client/index.ts';
import { leftBehind } from './checks/house.ts';
import { Draw } from './draw.ts';
import { type Evidence, readEvidence, readKeys, readLogs } from './evidence.ts';
import { ChaosFleet } from './fleet.ts';
import { rage } from './gremlins.ts';
import { Journal } from './journal.ts';
import type { ChaosOptions } from './options.ts';
import { type PlannedRun, planRun } from './plan.ts';
import { Producer } from './producer.ts';

export interface Progress {
  readonly phase: 'starting' | 'breaking' | 'waiting' | 'judging';
  readonly sent: number;
  readonly accepted: number;
  readonly ended: number;
  /** The latest stroke. */
  readonly deed: string;
}

/** A deadline, the minute for its cancel, a minute of quarantine, and a callback's second wait. */
const longestWaitMs = 8 * 60_000;
/** Locks and leases expire; bodies of callbacks go just after the answer. */
const longestTidyMs = 20_000;
/** What a run of this mix costs, faults included. The quota is a little short of it, so that it is really in play. */
const callsARun = 4;

export async function chaos(options: ChaosOptions, tell: (progress: Progress) => void): Promise<Evidence> {
  const { seed, minutes, rate } = options;
  const rpm = Math.max(120, Math.round(rate * 60 * callsARun));
  const journal = new Journal();
  let phase: Progress['phase'] = 'starting';
  let producer: Producer | null = null;
  const ended = new Set<string>();
  const report = (): void => {
    const sendings = producer?.sendings ?? [];
    const deed = journal.deeds.at(-1);
    tell({
      phase,
      sent: sendings.length,
      accepted: sendings.filter(({ runId }) => runId !== null).length,
      ended: ended.size,
      deed: deed === undefined ? '' : `${deed.what} ${deed.target}`,
    });
  };
  const ticker = setInterval(report, 500);
  try {
    await using fleet = await ChaosFleet.start(seed, rpm);
    producer = new Producer(fleet.client);
    const untilMs = Date.now() + minutes * 60_000;
    phase = 'breaking';
    fleet.startFaults();
    await Promise.all([rage(fleet, journal, seed, untilMs), load(fleet, producer, options, untilMs)]);
    phase = 'waiting';
    await fleet.heal();
    await allOver(fleet, producer, ended);
    phase = 'judging';
    producer.close();
    await producer.settled();
    const evidence = await readEvidence(fleet, producer.sendings, journal.deeds, rpm);
    await fleet.stop();
    return { ...evidence, lives: fleet.lives, logs: readLogs(fleet.lives) };
  } finally {
    clearInterval(ticker);
  }
}

/** Singly, and now and then a handful at once. */
async function load(
  fleet: ChaosFleet,
  producer: Producer,
  { seed, rate }: ChaosOptions,
  untilMs: number,
): Promise<void> {
  const draw = Draw.from(seed, 'load');
  const places = { threads: fleet.threads, callbackUrl: `${fleet.witness.url}/callback` };
  for (let n = 0; Date.now() < untilMs;) {
    const batch: PlannedRun[] = [];
    const size = draw.chance(0.1) ? draw.whole(3, 8) : 1;
    while (batch.length < size) batch.push(planRun(seed, (n += 1), places));
    producer.send(batch);
    await sleep((size * 1000) / rate);
  }
}

/** Every run has ended, everybody has been told, and nothing is on its way any more; or it is too late. */
async function allOver(fleet: ChaosFleet, producer: Producer, ended: Set<string>): Promise<void> {
  const giveUpAtMs = Date.now() + longestWaitMs;
  let tidyUntilMs = Infinity;
  while (Date.now() < Math.min(giveUpAtMs, tidyUntilMs)) {
    await sleep(500);
    if (producer.sendings.some(isUnanswered)) continue;
    for await (const run of fleet.client.runs.all({ limit: 100 })) if (hasEnded(run)) ended.add(run.id);
    const accepted = producer.sendings.flatMap(({ runId }) => runId ?? []);
    if (accepted.some((id) => !ended.has(id)) || !allTold(fleet, producer)) continue;
    tidyUntilMs = Math.min(tidyUntilMs, Date.now() + longestTidyMs);
    if (leftBehind(await readKeys(fleet.redis.port), ended).length === 0) return;
  }
}

function isUnanswered({ runId, inDoubt, refusal }: Producer['sendings'][number]): boolean {
  return runId === null && !inDoubt && refusal === null;
}

function allTold({ witness }: ChaosFleet, { sendings }: Producer): boolean {
  const taken = new Set(witness.deliveries.filter(({ answer }) => answer === 204).map(({ runId }) => runId));
  return sendings.every(
    ({ planned, runId, told }) =>
      runId === null ||
      ((planned.input.callback === undefined || taken.has(runId)) &&
        (planned.watch === 'none' || told.some(hasEnded))),
  );
}
