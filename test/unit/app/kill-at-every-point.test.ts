/** `kill -9` before and after each effect of a run's whole life, once and twice: nothing is lost or done twice unnoticed. */

import { describe, expect, it } from 'vitest';
import { advance } from '../../../src/app/advance.ts';
import { SharedLooks } from '../../../src/app/shared-looks.ts';
import { answerTool } from '../../../src/app/answer-tool.ts';
import { totalCalls } from '../../../src/domain/run.ts';
import type { JobDataInput } from '../../../src/domain/wire/job-data.ts';
import { aFault, over, running } from '../../support/fakes/builders.ts';
import { FakeWorld } from '../../support/fakes/index.ts';
import { type Death, MortalProcess } from '../../support/fakes/mortal.ts';

const id = 'run-1';
const mostSteps = 60;

interface Scenario {
  readonly name: string;
  readonly data: Partial<JobDataInput>;
  readonly set?: (world: FakeWorld) => void;
  /** After so many steps the caller cancels. */
  readonly cancelAfterSteps?: number;
}

const thread = { kind: 'assistants', request: { assistant_id: 'asst_1', thread_id: 'thread_1' } } as const;
const separately = [running('queued'), running(), over('completed', { output: 'separate' })];

const toolCalls = ['c1', 'c2'].map((call) => ({ id: call, name: 'add', arguments: '{}' }));
const tools = { mode: 'queue' } as const;

const scenarios: readonly Scenario[] = [
  { name: 'a response', data: {} },
  { name: 'a response in a lane', data: { lane: 'customer-42' } },
  {
    name: 'a response that fails',
    data: {},
    set: ({ responses }) => responses.script(id, running(), over('failed')),
  },
  { name: 'a response that may be created twice', data: { on_ambiguous: 'retry' } },
  {
    name: 'a response whose create is throttled, and whose create reply is lost then',
    data: {},
    set: ({ responses }) => {
      responses.failNext('create', aFault('throttled'));
      responses.failNext('create', aFault('unclear'), { processed: true });
    },
  },
  {
    name: 'a response that is cancelled',
    data: {},
    cancelAfterSteps: 1,
    set: ({ responses }) => responses.script(id, running()),
  },
  { name: 'a run of a thread', data: thread, set: ({ assistants }) => assistants.script(id, ...separately) },
  {
    name: 'a run of a thread whose create reply is lost',
    data: thread,
    set: ({ assistants }) => {
      assistants.script(id, ...separately);
      assistants.failNext('create', aFault('unclear'), { processed: true });
    },
  },
  {
    name: 'a response with tools',
    data: { tools },
    set: ({ responses }) =>
      responses.script(id, running('queued'), over('completed', { toolCalls }), running(), over()),
  },
  {
    name: 'a run of a thread with tools',
    data: { ...thread, tools },
    set: ({ assistants }) =>
      assistants.script(id, running('queued'), running('requires_action', { toolCalls }), running(), over()),
  },
  {
    name: 'a run of a thread with tools whose submit reply is lost',
    data: { ...thread, tools },
    set: ({ assistants }) => {
      assistants.script(id, running('queued'), running('requires_action', { toolCalls }), running(), over());
      assistants.failNext('submit', aFault('unclear'), { processed: true });
    },
  },
  {
    name: 'a run of a thread that is cancelled',
    data: thread,
    cancelAfterSteps: 1,
    set: ({ assistants }) => assistants.script(id, running()),
  },
];

/** Lives the run to its end; processes die as told, and the next one takes over. */
async function live(scenario: Scenario, deaths: readonly Death[]) {
  const world = new FakeWorld();
  await world.add(id, scenario.data);
  scenario.set?.(world);
  const left = [...deaths];
  let process = new MortalProcess(left.shift() ?? null);
  // Memory of the process: it dies with it.
  let looks = new SharedLooks();
  const traces = [process.trace];
  for (let steps = 0; steps < mostSteps; steps += 1) {
    if (steps === scenario.cancelAfterSteps) await world.store.requestCancel(id, world.clock.nowMs());
    await answerTools(world);
    world.clock.reach(world.store.dueAtMs(id) ?? world.clock.nowMs());
    const activation = process.touching(world.claim(id));
    const step = advance(activation, { ...process.touching(world.deps), looks });
    const advanced = await Promise.race([step, process.died]);
    if (advanced?.type === 'ended') {
      world.store.finish(id);
      return { world, traces, deaths: deaths.length, record: await world.store.get(id) };
    }
    if (advanced !== undefined) continue;
    // Whoever left its slot first has lost nothing.
    if (world.store.dueAtMs(id) === null) world.store.loseActivation(id);
    process = new MortalProcess(left.shift() ?? null);
    looks = new SharedLooks();
    traces.push(process.trace);
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

function check({ world, record, deaths }: Awaited<ReturnType<typeof live>>, { data }: Scenario): void {
  const provider = data.kind === 'assistants' ? world.assistants : world.responses;
  const { state, outcome } = record ?? {};
  if (state === undefined || !outcome) throw new Error('There is no outcome.');
  const started = provider.startedFor(id);
  const continued = data.tools !== undefined && data.kind !== 'assistants' ? 1 : 0;
  expect(started).toBeLessThanOrEqual(1 + continued + (data.on_ambiguous === 'retry' ? deaths : 0));
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
}

/** Each effect of a life, before and after. */
function deathsIn(trace: MortalProcess['trace']): Death[] {
  return trace.flatMap(({ isEffect }, at) =>
    isEffect ? (['before', 'after'] as const).map((when) => ({ at, when })) : [],
  );
}

describe.each(scenarios)('$name', (scenario) => {
  it('ends rightly when its process is killed at any point', async () => {
    const whole = await live(scenario, []);
    check(whole, scenario);
    const deaths = deathsIn(whole.traces[0] ?? []);
    expect(deaths.length).toBeGreaterThan(10);
    for (const death of deaths) check(await live(scenario, [death]), scenario);
  });

  it('and when the process that took over is killed as well', async () => {
    const whole = await live(scenario, []);
    const deaths = deathsIn(whole.traces[0] ?? []);
    expect(deaths).not.toEqual([]);
    for (const first of deaths) {
      const once = await live(scenario, [first]);
      for (const second of deathsIn(once.traces[1] ?? []))
        check(await live(scenario, [first, second]), scenario);
    }
  });
});
