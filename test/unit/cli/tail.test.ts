import { describe, expect, it } from 'vitest';
import { aRun, ended, Stub } from '../client/stub.ts';
import type { Reply } from '../client/stub.ts';
import { jsonLines, run, start } from './harness.ts';

const eventStream = { 'content-type': 'text/event-stream' };

function stream(...events: readonly (readonly [id: string, type: string, data: unknown])[]): Reply {
  const blocks = events.map(
    ([id, type, data]) => `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`,
  );
  return { text: blocks.join(''), headers: eventStream };
}

const events = [
  ['0.in_progress', 'status', aRun()],
  ['6.in_progress', 'output', { text: 'Blue,\u001B[31m ' }],
  ['9.in_progress', 'output', { text: 'or so.' }],
  ['9.completed.done', 'done', ended({ output_text: 'Blue, or so.' })],
] as const;

describe('wait --follow', () => {
  it('prints the text as it comes, and the statuses beside it', async () => {
    await using stub = await Stub.start(stream(...events));
    const { code, stdout, stderr } = await run(['wait', '--follow', 'run_1', '--url', stub.url]);
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: 'Blue, or so.\n',
      stderr: 'run_1  in_progress\nrun_1  completed\n',
    });
    expect(stub.requests[0]?.path).toBe('/v1/runs/run_1/events');
  });

  it('prints one event a line as JSON', async () => {
    await using stub = await Stub.start(stream(...events));
    const { stdout, stderr } = await run(['wait', '--follow', 'run_1', '--json', '--url', stub.url]);
    expect(jsonLines(stdout)).toMatchObject([
      { type: 'status', id: '0.in_progress' },
      { type: 'output', text: 'Blue,\u001B[31m ' },
      { type: 'output', text: 'or so.' },
      { type: 'done', run: { status: 'completed' } },
    ]);
    expect(stderr).toBe('');
  });

  it('prints the output of a run that is not streamed at its end, once over a broken connection', async () => {
    const [status, , , done] = events;
    await using stub = await Stub.start(stream(status), stream(done));
    const { stdout } = await run(['wait', '--follow', 'run_1', '--url', stub.url]);
    expect(stdout).toBe('Blue, or so.\n');
    expect(stub.requests[1]?.headers['last-event-id']).toBe('0.in_progress');
  });

  it('exits 2, and says why, when the run ended otherwise', async () => {
    const error = { code: 'server_error', message: 'Out of order.', retryable: true };
    const failed = ended({ status: 'failed', output_text: null, error });
    await using stub = await Stub.start(stream(['0.failed.done', 'done', failed]));
    const { code, stdout, stderr } = await run(['wait', '--follow', 'run_1', '--url', stub.url]);
    expect({ code, stdout, stderr }).toEqual({
      code: 2,
      stdout: '',
      stderr: 'run_1  failed: Out of order.\n',
    });
  });

  it('stops at Ctrl-C, at the end of a line', async () => {
    await using stub = await Stub.start(stream(...events.slice(0, 2)), 'hang');
    const session = start(['wait', '--follow', 'run_1', '--url', stub.url]);
    await session.shown('Blue');
    await stub.received(2);
    session.signal('SIGINT');
    const { code, stdout, stderr } = await session.result;
    expect({ code, stdout }).toEqual({ code: 130, stdout: 'Blue, \n' });
    expect(stderr).toContain('runfleet wait --follow run_1');
  });

  it('says what is wrong with a run that is not there, and takes no timeout', async () => {
    const problem = { type: 'about:blank', title: 'Not found', status: 404, code: 'run_not_found' };
    await using stub = await Stub.start({ status: 404, json: problem });
    await expect(run(['wait', '--follow', 'run_1', '--url', stub.url])).resolves.toMatchObject({ code: 1 });
    const both = await run(['wait', '--follow', '--timeout', '5s', 'run_1', '--url', stub.url]);
    expect(both).toMatchObject({ code: 1, stdout: '' });
    expect(both.stderr).toContain('--follow');
  });
});
