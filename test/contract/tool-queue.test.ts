/** Tool calls over the queue `tools`, on the Redis of this machine. */

import { Worker } from 'bullmq';
import { expect, it } from 'vitest';
import { toolJobId } from '../../src/adapters/tools/keys.ts';
import { eventually } from '../support/eventually.ts';
import { useRedis } from '../support/redis.ts';
import { aToolCall, answered, gate, maxOutputBytes, ToolQueue } from '../support/tool-queue.ts';

const redis = useRedis();

const echo = { handler: (args: unknown) => args };

it('hands a call out once, however often it is dispatched, and takes its answer to the run', async () => {
  await using tools = new ToolQueue(redis.url, redis.prefix());
  const { tool, started, open } = gate();
  await tools.serve({ echo: tool });
  tools.watch();
  const call = aToolCall();
  await tools.dispatcher.dispatch([call, call]);
  await eventually(
    'the call to be taken up',
    () => started.length,
    (count) => count === 1,
  );
  expect(started[0]).toMatchObject({ runId: 'run-1', toolCallId: 'call_1' });
  await tools.dispatcher.dispatch([call]);
  open('7 degrees');
  const [answer] = await answered(tools);
  expect(answer).toEqual({
    runId: 'run-1',
    round: 1,
    toolCallId: 'call_1',
    answer: { output: '7 degrees' },
    startedAtMs: expect.any(Number),
    endedAtMs: expect.any(Number),
  });
  // Finished, it is still not added again.
  await tools.dispatcher.dispatch([call]);
  expect(await tools.dispatcher.reconcile([call])).toEqual([answer]);
  expect(started).toHaveLength(1);

  await tools.dispatcher.withdraw([call]);
  await tools.dispatcher.withdraw([call]);
  expect(await tools.jobKeys('run-1')).toEqual([]);
  expect(await tools.dispatcher.reconcile([call])).toEqual([]);

  // A worker that stood still since before its first start adds it now.
  await tools.dispatcher.dispatch([call]);
  expect(await tools.jobKeys('run-1')).toEqual([]);
  expect(started).toHaveLength(1);
});

it('runs the calls of a round at the same time', async () => {
  await using tools = new ToolQueue(redis.url, redis.prefix());
  const { tool, started, open } = gate();
  await tools.serve({ echo: tool });
  tools.watch();
  const calls = Array.from({ length: 8 }, (_, at) => aToolCall({ toolCallId: `call:${at}` }));
  await tools.dispatcher.dispatch(calls);
  await eventually(
    'all to be taken up',
    () => started.length,
    (count) => count === 8,
  );
  open();
  const answers = await answered(tools, 8);
  expect(answers.map(({ toolCallId }) => toolCallId).sort()).toEqual(calls.map((call) => call.toolCallId));
});

it('withdraws what waits, and aborts what runs', async () => {
  await using tools = new ToolQueue(redis.url, redis.prefix());
  const waiting = aToolCall({ toolCallId: 'waiting' });
  await tools.dispatcher.dispatch([waiting]);
  await tools.dispatcher.withdraw([waiting]);
  expect(await tools.jobKeys('run-1')).toEqual([]);

  const { tool, started } = gate();
  await tools.serve({ echo: tool });
  tools.watch();
  const running = aToolCall({ toolCallId: 'running' });
  await tools.dispatcher.dispatch([running]);
  await eventually(
    'the call to be taken up',
    () => started.length,
    (count) => count === 1,
  );
  await tools.dispatcher.withdraw([running]);
  await eventually(
    'the signal',
    () => started[0]?.signal.aborted,
    (aborted) => aborted === true,
  );
  expect(started[0]?.signal.reason).toMatchObject({ code: 'withdrawn' });
  await eventually(
    'nothing to be left',
    () => tools.jobKeys('run-1'),
    (keys) => keys.length === 0,
  );
  expect(tools.answers).toEqual([]);
});

it('aborts at the deadline, and does not start what is too late', async () => {
  await using tools = new ToolQueue(redis.url, redis.prefix());
  tools.watch();
  const { tool, started } = gate();
  await tools.dispatcher.dispatch([aToolCall({ deadlineAtMs: Date.now() + 300 })]);
  await tools.serve({ echo: tool });
  const [answer] = await answered(tools);
  expect(answer?.answer).toMatchObject({ error: { code: 'deadline_exceeded' } });
  expect(started.every(({ signal }) => signal.aborted)).toBe(true);
});

it('tells later what was answered while nobody watched, and finds what nobody told', async () => {
  await using tools = new ToolQueue(redis.url, redis.prefix());
  await tools.serve({ echo });
  const [first, second] = [aToolCall(), aToolCall({ toolCallId: 'call_2' })];
  await tools.dispatcher.dispatch([first, second]);
  const found = await eventually(
    'both answers',
    () => tools.dispatcher.reconcile([first, second]),
    (answers) => answers.length === 2,
  );
  tools.watch();
  expect(await answered(tools, 2)).toEqual(expect.arrayContaining([...found]));
});

it('tells again what a process could not take, and what another has left undone', async () => {
  await using tools = new ToolQueue(redis.url, redis.prefix());
  await tools.serve({ echo });
  let refusals = 3;
  tools.onAnswer = () => {
    refusals -= 1;
    return refusals < 0 ? Promise.resolve('kept') : Promise.reject(new Error('not now'));
  };
  const first = tools.watch(100_000);
  await tools.dispatcher.dispatch([aToolCall()]);
  await eventually(
    'a first refusal',
    () => refusals,
    (left) => left < 3,
  );
  await first.stop();
  tools.watch(100);
  expect(await answered(tools)).toHaveLength(1);
});

it('removes the job of a call that no run asks for', async () => {
  await using tools = new ToolQueue(redis.url, redis.prefix());
  tools.onAnswer = () => Promise.resolve('not_asked');
  await tools.serve({ echo });
  tools.watch();
  await tools.dispatcher.dispatch([aToolCall()]);
  expect(await answered(tools)).toHaveLength(1);
  await eventually(
    'nothing to be left',
    () => tools.jobKeys('run-1'),
    (keys) => keys.length === 0,
  );
});

it('keeps a long output once, and refuses one that is too long', async () => {
  await using tools = new ToolQueue(redis.url, redis.prefix());
  const output = 'x'.repeat(maxOutputBytes);
  await tools.serve({ long: { handler: () => output }, longer: { handler: () => `${output}x` } });
  tools.watch();
  const long = aToolCall({ name: 'long', toolCallId: 'long' });
  await tools.dispatcher.dispatch([long, aToolCall({ name: 'longer', toolCallId: 'longer' })]);
  const answers = new Map((await answered(tools, 2)).map((each) => [each.toolCallId, each.answer]));
  expect(answers.get('long')).toEqual({ output });
  expect(answers.get('longer')).toMatchObject({ error: { code: 'output_too_large' } });
  const job = await tools.queue.getJob(toolJobId(long));
  expect(job?.returnvalue).toEqual({ kept: true });
});

it('takes whatever a worker returns that knows BullMQ alone', async () => {
  await using tools = new ToolQueue(redis.url, redis.prefix());
  const returns: Record<string, unknown> = {
    text: 'plain',
    object: { celsius: 7 },
    error: { error: { code: 'closed', message: 'On Sundays.' } },
    long: 'x'.repeat(maxOutputBytes + 1),
  };
  const worker = new Worker(
    'tools',
    (job) => {
      if (job.name === 'throws') throw new Error('broken');
      return Promise.resolve(returns[job.name]);
    },
    { connection: tools.client, prefix: tools.prefix },
  );
  tools.watch();
  const names = [...Object.keys(returns), 'throws'];
  await tools.dispatcher.dispatch(names.map((name) => aToolCall({ name, toolCallId: name })));
  const answers = await answered(tools, names.length);
  await worker.close();
  expect(Object.fromEntries(answers.map(({ toolCallId, answer }) => [toolCallId, answer]))).toMatchObject({
    text: { output: 'plain' },
    object: { output: '{"celsius":7}' },
    error: { error: { code: 'closed', message: 'On Sundays.' } },
    long: { error: { code: 'output_too_large' } },
    throws: { error: { code: 'tool_failed', message: 'broken' } },
  });
});

it('hands calls over to the worker that serves them, and says which nobody serves', async () => {
  await using tools = new ToolQueue(redis.url, redis.prefix());
  await tools.serve({ add: { handler: () => 'added' } });
  await tools.serve({ ask: { handler: () => 'asked' } });
  tools.watch();
  const names = ['add', 'ask', 'add', 'ask', 'fly'];
  await tools.dispatcher.dispatch(names.map((name, at) => aToolCall({ name, toolCallId: `${name}-${at}` })));
  const answers = await answered(tools, names.length);
  expect(Object.fromEntries(answers.map(({ toolCallId, answer }) => [toolCallId, answer]))).toMatchObject({
    'add-0': { output: 'added' },
    'ask-1': { output: 'asked' },
    'add-2': { output: 'added' },
    'ask-3': { output: 'asked' },
    'fly-4': { error: { code: 'unknown_tool' } },
  });
});

it('fails data that is no tool call, visibly', async () => {
  await using tools = new ToolQueue(redis.url, redis.prefix());
  await tools.serve({ echo });
  tools.watch();
  const job = await tools.queue.add('echo', { city: 'Bergen' });
  const failed = await eventually(
    'the job to fail',
    () => tools.queue.getJob(job.id ?? ''),
    (seen) => seen?.failedReason !== undefined,
  );
  expect(failed?.failedReason).toContain('tool-job.schema.json');
});
