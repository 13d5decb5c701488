import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { callTool, type CallLimits, ToolAborted } from '../../../../src/adapters/tools/call-tool.ts';
import type { Tool, ToolContext } from '../../../../src/adapters/tools/tool.ts';

const call = { runId: 'run_1', toolCallId: 'call_1', arguments: '{"city":"Bergen"}' };
const limits: CallLimits = { deadlineInMs: null, maxOutputBytes: 1000 };
const never = new AbortController().signal;
const parameters = z.object({ city: z.string().min(1), days: z.int().default(1) });

const run = (tool: Partial<Tool>, patch: Partial<typeof call> = {}) =>
  callTool({ handler: () => 'done', ...tool }, { ...call, ...patch }, limits, never);

const mustNotRun = (): never => {
  throw new Error('It ran.');
};

const schema = (validate: () => Promise<object>) => ({ '~standard': { validate } });

/** Never settles; `told` is what its signal was aborted with. */
function deaf() {
  const told = Promise.withResolvers<unknown>();
  const started = Promise.withResolvers<void>();
  const handler = (_args: unknown, { signal }: ToolContext): Promise<never> => {
    started.resolve();
    signal.addEventListener('abort', () => told.resolve(signal.reason));
    return new Promise(() => {});
  };
  return { handler, started: started.promise, told: told.promise };
}

/** Answers when it is aborted, and so too late. */
const late = (_args: unknown, { signal }: ToolContext): Promise<string> =>
  new Promise((resolve) => signal.addEventListener('abort', () => setTimeout(resolve, 5, 'late')));

describe('what a handler returns', () => {
  const cyclic: Record<string, unknown> = {};
  cyclic['self'] = cyclic;

  it.each<[string, unknown, object]>([
    ['a text', '7 degrees', { output: '7 degrees' }],
    ['an empty text', '', { output: '' }],
    ['an object', { celsius: 7 }, { output: '{"celsius":7}' }],
    ['a list', [1, null], { output: '[1,null]' }],
    ['null', null, { output: 'null' }],
    ['a promise', Promise.resolve({ celsius: 7 }), { output: '{"celsius":7}' }],
    ['as much as is allowed', 'x'.repeat(1000), { output: 'x'.repeat(1000) }],
    ['nothing', undefined, { error: { code: 'invalid_output' } }],
    ['a function', () => 1, { error: { code: 'invalid_output' } }],
    ['a symbol', Symbol('x'), { error: { code: 'invalid_output' } }],
    ['a BigInt', 1n, { error: { code: 'invalid_output' } }],
    ['a cycle', cyclic, { error: { code: 'invalid_output' } }],
    ['too much', 'x'.repeat(1001), { error: { code: 'output_too_large' } }],
    ['too many bytes', 'ü'.repeat(501), { error: { code: 'output_too_large' } }],
    ['too much JSON', Array.from({ length: 501 }, () => 1), { error: { code: 'output_too_large' } }],
  ])('%s', async (_name, result, answer) => {
    expect(await run({ handler: () => result })).toMatchObject(answer);
  });
});

describe('what a handler throws', () => {
  it.each<[string, unknown, string]>([
    ['an error', new Error('No such city.'), 'No such city.'],
    ['an error of many lines', new Error('First.\n  at secret.ts:1'), 'First.'],
    ['a text', 'It broke.', 'It broke.'],
    ['nothing', undefined, 'It threw undefined.'],
    ['what has no text', Object.create(null), 'It threw object.'],
    ['a long error', new Error('x'.repeat(1000)), `${'x'.repeat(299)}…`],
  ])('%s', async (_name, thrown, message) => {
    const failed = { error: { code: 'tool_failed', message } };
    const handler = (): never => {
      throw thrown;
    };
    expect(await run({ handler })).toEqual(failed);
    expect(await run({ handler: () => Promise.reject(thrown) })).toEqual(failed);
  });
});

describe('the arguments', () => {
  it('reach the handler as its schema makes them, with the ids of the call', async () => {
    const seen: unknown[] = [];
    const handler = (args: unknown, { toolCallId, runId }: ToolContext): null => {
      seen.push(args, toolCallId, runId);
      return null;
    };
    await run({ handler, parameters });
    expect(seen).toEqual([{ city: 'Bergen', days: 1 }, 'call_1', 'run_1']);
  });

  it.each(['', '  ', '{}'])('may be left out: %j', async (text) => {
    expect(await run({ handler: (args) => args }, { arguments: text })).toEqual({ output: '{}' });
  });

  it.each([
    ['{"city":', 'The arguments are not JSON.'],
    ['{"city":""}', /^city: /],
    ['{"city":"Bergen","days":"two"}', /^days: /],
    ['[]', /./],
  ])('%j is told to the model, and the handler is not called', async (text, message) => {
    expect(await run({ handler: mustNotRun, parameters }, { arguments: text })).toEqual({
      error: { code: 'invalid_arguments', message: expect.stringMatching(message) },
    });
  });

  it('may be checked by a schema that takes its time, or that fails', async () => {
    const slow = schema(() => Promise.resolve({ value: 'checked' }));
    expect(await run({ handler: (args) => args, parameters: slow })).toEqual({ output: 'checked' });
    const broken = schema(() => Promise.reject(new Error('broken')));
    expect(await run({ parameters: broken })).toMatchObject({ error: { code: 'invalid_arguments' } });
  });
});

describe('a handler that does not answer', () => {
  it('is given up after its time', async () => {
    const { handler, told } = deaf();
    const answer = await callTool({ handler, timeoutSeconds: 0.01 }, call, limits, never);
    expect(answer).toEqual({
      error: { code: 'tool_timeout', message: 'The tool did not answer within 0.01 s.' },
    });
    expect(await told).toMatchObject({ code: 'tool_timeout' });
  });

  it('is given up at the deadline of its run', async () => {
    const { handler, told } = deaf();
    const answer = await callTool({ handler }, call, { ...limits, deadlineInMs: 10 }, never);
    expect(answer).toMatchObject({ error: { code: 'deadline_exceeded' } });
    expect(await told).toMatchObject({ code: 'deadline_exceeded' });
  });

  it.each([0, -5])('is not started when the deadline of its run is over (%i ms)', async (deadlineInMs) => {
    const answer = await callTool({ handler: mustNotRun }, call, { ...limits, deadlineInMs }, never);
    expect(answer).toMatchObject({ error: { code: 'deadline_exceeded' } });
  });

  it('is given up when it is told so', async () => {
    const { handler, started, told } = deaf();
    const controller = new AbortController();
    const answer = callTool({ handler }, call, limits, controller.signal);
    await started;
    controller.abort(new ToolAborted('withdrawn', 'Cancelled.'));
    expect(await answer).toEqual({ error: { code: 'withdrawn', message: 'Cancelled.' } });
    expect(await told).toMatchObject({ code: 'withdrawn' });
  });

  it('is not started when it was given up before', async () => {
    const gone = AbortSignal.abort(new ToolAborted('withdrawn', 'Cancelled.'));
    expect(await callTool({ handler: mustNotRun }, call, limits, gone)).toMatchObject({
      error: { code: 'withdrawn' },
    });
  });

  it('may say more when it is aborted: that comes too late', async () => {
    const answer = await callTool({ handler: late, timeoutSeconds: 0.01 }, call, limits, never);
    expect(answer).toMatchObject({ error: { code: 'tool_timeout' } });
  });
});
