import { beforeEach, describe, expect, it } from 'vitest';
import { answerTool } from '../../../src/app/answer-tool.ts';
import type { ToolAnswer } from '../../../src/domain/tools.ts';
import type { JobDataInput } from '../../../src/domain/wire/job-data.ts';
import { aFault, over, running, seconds } from '../../support/fakes/builders.ts';
import { FakeWorld } from '../../support/fakes/index.ts';

const toolCalls = ['c1', 'c2'].map((id) => ({
  id,
  name: id === 'c1' ? 'add' : 'ask',
  arguments: `{"of":"${id}"}`,
}));
const asks = { toolCalls };
const inQueue: Partial<JobDataInput> = { tools: { mode: 'queue' } };

let world: FakeWorld;
beforeEach(() => {
  world = new FakeWorld();
});

const answer = (toolCallId: string, said: ToolAnswer = { output: `of ${toolCallId}` }, round = 1) =>
  answerTool(
    { answers: world.answers, store: world.store },
    { runId: 'run-1', round, toolCallId, answer: said, startedAtMs: 1000, endedAtMs: 3000 },
  );

async function untilAsking(data: Partial<JobDataInput> = inQueue): Promise<void> {
  await world.add('run-1', data);
  await world.stepWhenDue();
  await world.stepWhenDue();
}

describe('a response that asks for tools', () => {
  beforeEach(() => {
    world.responses.script('run-1', running('queued'), over('completed', asks), over());
  });

  it('has them answered, and goes on as another response', async () => {
    await untilAsking({ ...inQueue, label: 'l', metadata: { a: 'b' } });
    expect(world.dispatcher.dispatched).toMatchObject([
      { runId: 'run-1', round: 1, toolCallId: 'c1', name: 'add', arguments: '{"of":"c1"}', label: 'l' },
      { toolCallId: 'c2', name: 'ask', url: null, metadata: { a: 'b' } },
    ]);
    await expect(answer('c1')).resolves.toBe('kept');
    expect(world.store.dueAtMs('run-1')).toBeGreaterThan(world.clock.nowMs());
    await expect(answer('c2')).resolves.toBe('complete');
    const advanced = await world.step();
    expect(advanced).toMatchObject({ type: 'ended', outcome: { status: 'completed' } });
    expect(advanced).toMatchObject({
      state: { providerRunId: 'prov-2', tools: { formerRunIds: ['prov-1'] } },
    });
    expect(world.responses.submissions).toMatchObject([
      {
        ref: { providerRunId: 'prov-1' },
        runId: 'run-1',
        request: { model: 'gpt-5' },
        outputs: [
          { toolCallId: 'c1', output: 'of c1' },
          { toolCallId: 'c2', output: 'of c2' },
        ],
      },
    ]);
    expect(world.telemetry.toolCalls).toEqual([
      { kind: 'responses', tool: 'add', result: 'ok', durationMs: 2000 },
      { kind: 'responses', tool: 'ask', result: 'ok', durationMs: 2000 },
    ]);
  });

  it('ends with its calls in its output when it says nothing of tools', async () => {
    await world.add();
    await expect(world.live()).resolves.toMatchObject({ status: 'completed' });
    expect(world.dispatcher.dispatched).toEqual([]);
  });

  it('finds an answer that nobody told of', async () => {
    await untilAsking();
    const common = { runId: 'run-1', round: 1, startedAtMs: null, endedAtMs: 1 };
    for (const toolCallId of ['c1', 'c2'])
      world.dispatcher.returns.push({ ...common, toolCallId, answer: { output: 'late' } });
    await expect(world.live()).resolves.toMatchObject({ status: 'completed' });
  });

  it('is handed out again when its worker died of that, but for what was answered since', async () => {
    const ask = over('completed', asks);
    world.responses.script('run-1', running('queued'), ask, ask, over());
    await world.add('run-1', inQueue);
    await world.stepWhenDue();
    world.clock.reach(world.store.dueAtMs('run-1') ?? 0);
    world.dispatcher.dieNext = true;
    await expect(world.step()).rejects.toThrow('Redis');
    world.store.loseActivation('run-1');
    await answer('c1');
    await world.step();
    expect(world.dispatcher.dispatched.map(({ toolCallId }) => toolCallId)).toEqual(['c2']);
  });

  it('tells the model of an error, in short', async () => {
    await untilAsking();
    await answer('c1', { error: { code: 'tool_failed', message: 'x'.repeat(5000) } });
    await answer('c2');
    await world.live();
    const [output] = world.responses.submissions[0]?.outputs ?? [];
    expect(JSON.parse(output?.output ?? '')).toEqual({
      error: { code: 'tool_failed', message: 'x'.repeat(1000) },
    });
  });

  it('refuses outputs that the provider would not take', async () => {
    await untilAsking();
    await answer('c1', { output: 'x'.repeat(1001) });
    await answer('c2');
    await world.live();
    const [first, second] = world.responses.submissions[0]?.outputs ?? [];
    expect(first?.output).toMatch(/output_too_large.*1001 bytes; at most 1000/);
    expect(second?.output).toBe('of c2');
    expect(world.telemetry.toolCalls[0]).toMatchObject({ tool: 'add', result: 'output_too_large' });
  });

  it('refuses the largest of outputs that are too much together', async () => {
    await untilAsking();
    await answer('c1', { output: 'x'.repeat(700) });
    await answer('c2', { output: 'ä'.repeat(450) });
    await world.live();
    const [first, second] = world.responses.submissions[0]?.outputs ?? [];
    expect(first?.output).toHaveLength(700);
    expect(second?.output).toMatch('output_too_large');
  });

  it('takes the calls back when it is cancelled', async () => {
    await untilAsking();
    await world.store.requestCancel('run-1', world.clock.nowMs());
    await expect(world.step()).resolves.toMatchObject({ outcome: { status: 'cancelled' } });
    expect(world.dispatcher.withdrawn).toMatchObject([{ toolCallId: 'c1' }, { toolCallId: 'c2' }]);
    expect(world.responses.count('cancel')).toBe(0);
  });

  it('tells of the calls that were answered before it was cancelled', async () => {
    await untilAsking();
    await answer('c2');
    await world.store.requestCancel('run-1', world.clock.nowMs());
    await expect(world.step()).resolves.toMatchObject({
      outcome: { status: 'cancelled' },
      state: { tools: { notes: [[1, 'c2', 'ask', 'ok', 1000, 3000]] } },
    });
    expect(world.telemetry.toolCalls).toMatchObject([{ tool: 'ask', result: 'ok', durationMs: 2000 }]);
  });

  it('goes on after a submit though its calls cannot be taken back, and says so in the log', async () => {
    await untilAsking();
    await answer('c1');
    await answer('c2');
    world.dispatcher.holdsOn = true;
    await expect(world.live()).resolves.toMatchObject({ status: 'completed' });
    expect(world.responses.submissions).toHaveLength(1);
    expect(world.telemetry.logged('warn')).toMatchObject([
      { fields: { runId: 'run-1', error: { message: 'Redis is gone.' } } },
    ]);
  });

  it('submits with its large request, which no look reads', async () => {
    world.responses.failNext('submit', aFault('throttled', { retryAfterMs: 2000 }));
    await untilAsking();
    await answer('c1');
    await answer('c2');
    await world.step();
    await expect(world.live()).resolves.toMatchObject({ status: 'completed' });
    expect(world.responses.count('submit')).toBe(2);
    expect(world.responses.submissions).toHaveLength(1);
  });
});

describe('an assistants run that asks for tools', () => {
  const data = { kind: 'assistants', request: { assistant_id: 'a' } } as const;

  it('waits for whoever reads it when it says nothing of tools', async () => {
    world.assistants.script('run-1', running('queued'), running('requires_action', asks), over());
    await untilAsking(data);
    expect(world.dispatcher.dispatched).toEqual([]);
    await answer('c1');
    await answer('c2');
    await expect(world.live()).resolves.toMatchObject({ status: 'completed' });
    expect(world.assistants.count('submit')).toBe(1);
  });

  it('tells its caller by callback that it waits for him, once for each time that it asks', async () => {
    const callback = { url: 'https://hooks.example.com/' };
    world.assistants.script('run-1', running('queued'), running('requires_action', asks), over());
    await untilAsking({ ...data, callback });
    await answer('c1');
    await answer('c2');
    await world.live();
    const sent = [...world.callbacks.sent.values()];
    expect(sent.map(({ type }) => type)).toEqual(['run.requires_action', 'run.completed']);
    expect(JSON.parse(sent[0]?.body ?? '')).toMatchObject({
      data: { status: 'requires_action', required_action: { tool_calls: [{ id: 'c1' }, { id: 'c2' }] } },
    });
  });

  it('tells nobody of tools that are answered without its caller', async () => {
    const callback = { url: 'https://hooks.example.com/' };
    world.assistants.script('run-1', running('queued'), running('requires_action', asks), over());
    await untilAsking({ ...data, ...inQueue, callback });
    expect([...world.callbacks.sent]).toEqual([]);
  });

  it('is looked at again when an old ask is shown, and its tools are not run twice', async () => {
    const stale = running('requires_action', asks);
    world.assistants.script('run-1', running('queued'), stale, stale, stale, stale, over());
    await untilAsking({ ...data, ...inQueue });
    await answer('c1');
    await answer('c2');
    await expect(world.live()).resolves.toMatchObject({ status: 'completed' });
    expect(world.assistants.count('submit')).toBe(1);
    expect(world.dispatcher.dispatched).toHaveLength(2);
  });

  it('is cancelled at the provider when a tool fails, if it was told so', async () => {
    world.assistants.script('run-1', running('queued'), running('requires_action', asks), over());
    await untilAsking({ ...data, ...inQueue, on_tool_error: 'fail' });
    await answer('c1', { error: { code: 'tool_failed', message: 'It broke.' } });
    await expect(world.live()).resolves.toMatchObject({
      status: 'failed',
      error: { code: 'tool_failed', message: expect.stringContaining('It broke.') },
    });
    expect(world.assistants.count('cancel')).toBe(1);
    expect(world.dispatcher.withdrawn).toHaveLength(2);
    expect(world.telemetry.toolCalls).toMatchObject([{ tool: 'add', result: 'tool_failed' }]);
  });

  it('sends tools their own way, by name', async () => {
    world.assistants.script('run-1', running('queued'), running('requires_action', asks), over());
    const url = 'https://example.com/tools';
    await untilAsking({ ...data, tools: { mode: 'manual', by_name: { ask: { mode: 'http', url } } } });
    expect(world.dispatcher.dispatched).toMatchObject([{ toolCallId: 'c2', url }]);
  });

  it('is looked at when it expires', async () => {
    const ask = running('requires_action', { ...asks, expiresAtMs: world.clock.nowMs() + seconds(60) });
    world.assistants.script('run-1', running('queued'), ask, over('expired'));
    await untilAsking({ ...data, ...inQueue });
    await expect(world.live()).resolves.toMatchObject({ status: 'expired' });
    expect(world.assistants.count('retrieve')).toBe(2);
    expect(world.dispatcher.withdrawn).toHaveLength(2);
  });
});
