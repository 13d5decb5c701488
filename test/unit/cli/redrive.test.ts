import { describe, expect, it } from 'vitest';
import { aRun, ended, Stub } from '../client/stub.ts';
import { run } from './harness.ts';

const dead = (id: string, code: string, label: string | null = null) =>
  ended({ id, status: 'failed', label, error: { code, message: 'It broke.', retryable: true } });
const page = (...data: unknown[]) => ({ json: { object: 'list', data, next_cursor: null } });

describe('dead letters', () => {
  it('are listed apart', async () => {
    await using stub = await Stub.start(page(dead('run_1', 'server_error')));
    const { code, stdout } = await run(['list', '--dead', '--url', stub.url]);
    expect(code).toBe(0);
    expect(stdout).toBe(
      [
        'ID     STATUS           KIND        ACCEPTED              CALLS  ERROR               LABEL',
        'run_1  failed           responses   2026-11-20 04:00:00Z  3      server_error',
        '',
      ].join('\n'),
    );
    expect(stub.requests[0]?.path).toContain('dead=true');
  });

  it('are redriven by filter, the oldest first, each once', async () => {
    await using stub = await Stub.start(
      page(
        dead('run_3', 'server_error', 'x'),
        dead('run_2', 'refused', 'x'),
        dead('run_1', 'server_error', 'x'),
      ),
      { status: 202, json: aRun({ id: 'run_8' }) },
      { status: 202, json: aRun({ id: 'run_9' }) },
    );
    const argv = ['redrive', '--dead', '--error', 'server_error', '--label', 'x', '--url', stub.url];
    expect(await run(argv)).toEqual({
      code: 0,
      stdout: 'run_1  again as  run_8\nrun_3  again as  run_9\n',
      stderr: '2 dead letters fit.\n',
    });
    expect(stub.requests.slice(1).map(({ path }) => path)).toEqual([
      '/v1/runs/run_1/redrive?once=true',
      '/v1/runs/run_3/redrive?once=true',
    ]);
  });

  it('are only shown by a dry run', async () => {
    await using stub = await Stub.start(page(dead('run_1', 'server_error')));
    const { code, stdout } = await run(['redrive', '--dead', '--dry-run', '--url', stub.url]);
    expect([code, stdout, stub.requests.length]).toEqual([0, 'run_1\n', 1]);
  });

  it('are left out where they never were runs', async () => {
    await using stub = await Stub.start(page(dead('job_2', 'invalid_job'), dead('run_1', 'lost')), {
      status: 202,
      json: aRun({ id: 'run_9' }),
    });
    const { code, stdout, stderr } = await run(['redrive', '--dead', '--url', stub.url]);
    expect([code, stdout]).toEqual([0, 'run_1  again as  run_9\n']);
    expect(stderr).toContain('1 left out');
  });

  it.each([[['redrive']], [['redrive', 'run_1', '--dead']]])('%j does not say which', async (argv) => {
    const { code, stderr } = await run(argv);
    expect(code).not.toBe(0);
    expect(stderr).toContain('Give the ids of runs, or --dead.');
  });
});
