/** Whole lives of a run whose processes are killed: before and after each effect, once and twice. */

import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { advance, type AdvanceDeps } from '../../../src/app/advance.ts';
import { answerTool } from '../../../src/app/answer-tool.ts';
import { SharedLooks } from '../../../src/app/shared-looks.ts';
import { type RunState, totalCalls } from '../../../src/domain/run.ts';
import type { JobDataInput } from '../../../src/domain/wire/job-data.ts';
import type { RunRecord } from '../../../src/ports/run-store.ts';
import { type Death, MortalProcess } from './mortal.ts';
import type { FakeWorld } from './world.ts';

export const id = 'run-1';
const mostSteps = 60;

export interface Scenario<W extends FakeWorld = FakeWorld> {
  readonly name: string;
  readonly data: Partial<JobDataInput>;
  readonly set?: (world: W) => void | Promise<void>;
  /** What happens by itself before each step. */
  readonly meanwhile?: (world: W) => Promise<void>;
  /** What a process has of its own: its memory, which dies with it. */
  readonly memory?: (world: W, process: MortalProcess) => Partial<AdvanceDeps>;
  /** After so many steps the caller cancels. */
  readonly cancelAfterSteps?: number;
  /** Runs that its provider may have started for it; default 1. Beyond, each death may add one where `on_ambiguous` is `retry`. */
  readonly mostStarted?: number;
  /** What must hold besides. */
  readonly also?: (life: Life<W>) => void;
}

export interface Life<W extends FakeWorld = FakeWorld> {
  readonly world: W;
  readonly traces: readonly MortalProcess['trace'][];
  readonly deaths: number;
  readonly record: RunRecord;
  readonly state: RunState;
}

/** Lives the run to its end; processes die as told, and the next one takes over. */
async function live<W extends FakeWorld>(
  scenario: Scenario<W>,
  world: W,
  deaths: readonly Death[],
): Promise<Life<W>> {
  await world.add(id, scenario.data);
  await scenario.set?.(world);
  const left = [...deaths];
  const traces: MortalProcess['trace'][] = [];
  const start = () => {
    const process = new MortalProcess(left.shift() ?? null);
    traces.push(process.trace);
    const memory = { looks: new SharedLooks(), ...scenario.memory?.(world, process) };
    return { process, deps: { ...process.touching(world.deps), ...memory } };
  };
  let { process, deps } = start();
  for (let steps = 0; steps < mostSteps; steps += 1) {
    if (steps === scenario.cancelAfterSteps) await world.store.requestCancel(id, world.clock.nowMs());
    await answerTools(world);
    await scenario.meanwhile?.(world);
    // What goes on beside the steps, such as a stream, has its turn.
    if (scenario.memory !== undefined) await setImmediate();
    if (!process.isDead) {
      world.clock.reach(world.store.dueAtMs(id) ?? world.clock.nowMs());
      const step = advance(process.touching(world.claim(id)), deps);
      const advanced = await Promise.race([step, process.died]);
      if (advanced?.type === 'ended') {
        world.store.finish(id);
        const record = await world.store.get(id);
        if (record === null) throw new Error('The run is gone.');
        return { world, traces, deaths: deaths.length, record, state: record.state };
      }
    }
    if (!process.isDead) continue;
    // Whoever left its slot first has lost nothing.
    if (world.store.dueAtMs(id) === null) world.store.loseActivation(id);
    ({ process, deps } = start());
  }
  throw new Error(`The run did not end within ${mostSteps} steps.`);
}

/** Whoever runs the tools is another process: it answers each call once, as soon as it was handed out. */
async function answerTools(world: FakeWorld): Promise<void> {
  for (const { runId, round, toolCallId } of world.dispatcher.dispatched.splice(0)) {
    const answer = { output: `of ${toolCallId}` };
    const times = { startedAtMs: null, endedAtMs: world.clock.nowMs() };
    await answerTool(world, { runId, round, toolCallId, answer, ...times });
  }
}

function check<W extends FakeWorld>(life: Life<W>, scenario: Scenario<W>): void {
  const { world, record, state, deaths } = life;
  const { data, mostStarted = 1, also } = scenario;
  const provider = data.kind === 'assistants' ? world.assistants : world.responses;
  const { outcome } = record;
  if (!outcome) throw new Error('There is no outcome.');
  const started = world.startedFor(id);
  const continued = data.tools !== undefined && data.kind !== 'assistants' ? 1 : 0;
  expect(started).toBeLessThanOrEqual(mostStarted + continued + (data.on_ambiguous === 'retry' ? deaths : 0));
  // All answers of the round in one submit, and no second one that takes effect.
  expect(provider.submissions.length).toBeLessThanOrEqual(1);
  expect(provider.submissions.filter(({ outputs }) => outputs.length !== 2)).toEqual([]);
  // Noticed: whatever may have been started was counted before it was sent.
  expect(state.calls.create + state.calls.submit * continued).toBeGreaterThanOrEqual(started);
  // A search for a lost run is a handful of lists; no life goes round in circles.
  expect(totalCalls(state.calls)).toBeLessThanOrEqual(15 + 8 * deaths);
  const unknown = started > 0 && state.phase === 'ended' && state.providerRunId === null;
  expect(unknown && !['ambiguous_create', 'cancelled'].includes(outcome.error?.code ?? '')).toBe(false);
  // One outcome, told at least once, and nothing else told of the end.
  expect(world.store.savedStates(id).filter(({ phase }) => phase === 'ended')).toHaveLength(1);
  const told = world.events.statusesOf(id);
  expect(told.at(-1)).toBe(outcome.status);
  checkCallbacks(life, data);
  also?.(life);
}

/** Each news is sent under one id, and says the same in every try. */
function checkCallbacks({ world, record }: Life, { callback }: Partial<JobDataInput>): void {
  const { sent, tries } = world.callbacks;
  const ends = [...sent.values()].filter(({ type }) => type === `run.${record.outcome?.status}`);
  expect(ends).toHaveLength(callback === undefined ? 0 : 1);
  expect(new Set(tries.map(({ id: webhookId, body }) => `${webhookId} ${body}`)).size).toBe(sent.size);
}

/** Each effect of a life, before and after. */
function deathsIn(trace: MortalProcess['trace']): Death[] {
  return trace.flatMap(({ isEffect }, at) =>
    isEffect ? (['before', 'after'] as const).map((when) => ({ at, when })) : [],
  );
}

/** Two tests: every death, and every pair of deaths one after the other. */
export function describeKills<W extends FakeWorld>(
  scenario: Scenario<W>,
  newWorld: () => W | Promise<W>,
): void {
  const lived = async (deaths: readonly Death[]): Promise<Life<W>> =>
    live(scenario, await newWorld(), deaths);

  // oxlint-disable-next-line vitest/valid-title
  describe(scenario.name, () => {
    it('ends rightly when its process is killed at any point', async () => {
      const whole = await lived([]);
      check(whole, scenario);
      const deaths = deathsIn(whole.traces[0] ?? []);
      expect(deaths.length).toBeGreaterThan(10);
      for (const death of deaths) check(await lived([death]), scenario);
    });

    it('and when the process that took over is killed as well', async () => {
      const whole = await lived([]);
      const deaths = deathsIn(whole.traces[0] ?? []);
      expect(deaths).not.toEqual([]);
      for (const first of deaths) {
        const once = await lived([first]);
        for (const second of deathsIn(once.traces[1] ?? [])) check(await lived([first, second]), scenario);
      }
    });
  });
}
