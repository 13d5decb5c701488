/** What runs with tools reserve of the token quota, and when each reservation is settled. */

import { beforeEach, describe, expect, it } from 'vitest';
import { answerTool } from '../../../src/app/answer-tool.ts';
import { aFault, over, running } from '../../support/fakes/builders.ts';
import { FakeWorld } from '../../support/fakes/index.ts';

const used = (totalTokens: number) => ({
  usage: { inputTokens: totalTokens - 10, outputTokens: 10, totalTokens },
});
const asks = { toolCalls: [{ id: 'c1', name: 'add', arguments: '{}' }] };

let world: FakeWorld;
beforeEach(() => {
  world = new FakeWorld();
});

async function untilAsking(kind: 'responses' | 'assistants' = 'responses'): Promise<void> {
  const request = { model: 'gpt-5', input: 'x'.repeat(8000), max_output_tokens: 100, assistant_id: 'a' };
  await world.add('run-1', { kind, request, tools: { mode: 'queue' } });
  await world.stepWhenDue();
  await world.stepWhenDue();
}

async function answer(round = 1): Promise<void> {
  const call = { runId: 'run-1', round, toolCallId: 'c1', startedAtMs: null, endedAtMs: 1 };
  await answerTool(
    { answers: world.answers, store: world.store },
    { ...call, answer: { output: 'y'.repeat(400) } },
  );
}

const reserved = () => world.gate.asked.flatMap(({ tokens }) => tokens ?? []);

describe('a response that goes on as others', () => {
  beforeEach(() => {
    const ask = over('completed', { ...asks, ...used(3000) });
    world.responses.script('run-1', running('queued'), ask, over('completed', used(3500)));
  });

  it('settles each as soon as it is known, under an id of its own', async () => {
    await untilAsking();
    expect(world.gate.settled).toEqual(new Map([['run-1', 3000]]));
    await answer();
    await world.live();
    expect(world.gate.settled).toEqual(
      new Map([
        ['run-1', 3000],
        ['run-1.1', 3500],
      ]),
    );
  });

  it('reserves what was said before, its settings, the outputs and the largest answer', async () => {
    await untilAsking();
    await answer();
    await world.live();
    const [first, second] = reserved();
    expect(first?.estimate).toBeGreaterThan(2000);
    expect(second?.id).toBe('run-1.1');
    expect(second?.estimate).toBeGreaterThan(3000 + 100 + 100);
    expect(second?.estimate).toBeLessThan(3000 + 100 + 200);
  });

  it('reserves under the same id when it has to send its answers again', async () => {
    world.responses.failNext('submit', aFault('throttled'));
    await untilAsking();
    await answer();
    await world.live();
    expect(reserved().map(({ id }) => id)).toEqual(['run-1', 'run-1.1', 'run-1.1']);
  });

  it('gives back what it has reserved for a call that it never makes', async () => {
    await untilAsking();
    await answer();
    world.gate.denyNext(world.clock.nowMs() + 60_000, 'quota', 'ticket-1');
    await world.step();
    await world.store.requestCancel('run-1', world.clock.nowMs());
    await world.live();
    expect(world.gate.givenBack).toEqual(['ticket-1']);
    expect(world.gate.settled.get('run-1.1')).toBe(0);
    expect(world.gate.settled.get('run-1')).toBe(3000);
  });
});

it('a run that goes on as itself reserves once', async () => {
  const ask = running('requires_action', asks);
  world.assistants.script('run-1', running('queued'), ask, over('completed', used(5000)));
  await untilAsking('assistants');
  await answer();
  await world.live();
  expect(reserved().map(({ id }) => id)).toEqual(['run-1']);
  expect(world.gate.settled).toEqual(new Map([['run-1', 5000]]));
});
