import { describe, expect, it } from 'vitest';
import { aProblem, aRun, ended, Stub } from '../client/stub.ts';
import type { Reply } from '../client/stub.ts';
import { escapeCharacter, jsonLines, run, start } from './harness.ts';

const hostile = 'before\u001B]0;owned\u0007\u001B[31mafter\u009B2J';

function page(ids: readonly string[], next: string | null = null): Reply {
  return { json: { object: 'list', data: ids.map((id) => ended({ id })), next_cursor: next } };
}

describe('get', () => {
  it('shows a run for people', async () => {
    await using stub = await Stub.start({
      json: ended({ label: 'nightly', metadata: { a: 'b' }, output_text: 'Blue.\nOr so.' }),
    });
    const { code, stdout, stderr } = await run(['get', 'run_1', '--url', stub.url]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe(
      [
        'run_1  completed',
        '  kind          responses',
        '  label         nightly',
        '  provider run  resp_1',
        '  accepted      2026-11-20 04:00:00Z',
        '  ended         2026-11-20 04:00:04Z (4.0 s after it was accepted)',
        '  found by      poll, 420 ms after the end',
        '  API calls     3 (create 1, retrieve 2)',
        '  tokens        12 in, 40 out',
        '  metadata      a=b',
        '',
        'Blue.',
        'Or so.',
        '',
      ].join('\n'),
    );
  });

  it('colours on a terminal, unless that is not wanted', async () => {
    await using stub = await Stub.start({ json: ended() }, { json: ended() }, { json: ended() });
    const env = { RUNFLEET_URL: stub.url };
    expect((await run(['get', 'run_1'], { env, tty: true })).stdout).toContain(
      `${escapeCharacter}[32mcompleted`,
    );
    for (const quiet of [{ NO_COLOR: '1' }, { TERM: 'dumb' }]) {
      const { stdout } = await run(['get', 'run_1'], { env: { ...env, ...quiet }, tty: true });
      expect(stdout).not.toContain(escapeCharacter);
    }
  });

  it('lets nobody else steer the terminal', async () => {
    const error = { code: 'x', message: hostile, retryable: false };
    await using stub = await Stub.start({ json: ended({ output_text: hostile, label: hostile, error }) });
    const { stdout } = await run(['get', 'run_1', '--url', stub.url]);
    // oxlint-disable-next-line no-control-regex -- those are what this is about
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u007F-\u009F]/);
    expect(stdout).toContain('after');
  });

  it('shows what a run waits for, and an error with what to do', async () => {
    const tool_calls = [{ id: 'call_1', name: 'weather', arguments: '{}', mode: 'manual' as const }];
    const required_action = { tool_calls, expires_at: '2026-11-20T10:00:00.000Z' };
    const error = { code: 'server_error', message: 'It broke.', retryable: true };
    const at = { started_at: '2026-11-20T09:00:00.000Z', ended_at: '2026-11-20T09:00:02.500Z' };
    const calls = [{ id: 'call_1', name: 'weather', result: 'ok', ...at }];
    await using stub = await Stub.start(
      { json: aRun({ status: 'requires_action', required_action }) },
      { json: ended({ status: 'failed', error, output_text: null, tool_rounds: [{ round: 1, calls }] }) },
    );
    const env = { RUNFLEET_URL: stub.url };
    expect((await run(['get', 'run_1'], { env })).stdout).toContain(
      'tool outputs: weather (call_1), until 2026-11-20 10:00:00Z',
    );
    const failed = await run(['get', 'run_1'], { env });
    expect(failed).toMatchObject({ code: 0 });
    expect(failed.stdout).toContain('round 1: weather ok 2.5 s');
    expect(failed.stdout).toContain('server_error: It broke.; worth another try: runfleet redrive run_1');
  });

  it('--json is the run, before or after the command', async () => {
    await using stub = await Stub.start({ json: ended() }, { json: ended() });
    const env = { RUNFLEET_URL: stub.url };
    for (const argv of [
      ['get', 'run_1', '--json'],
      ['--json', 'get', 'run_1'],
    ]) {
      const { stdout } = await run(argv, { env, tty: true });
      expect(jsonLines(stdout)).toEqual([ended()]);
    }
  });
});

describe('wait', () => {
  it.each([
    ['completed', 0],
    ['failed', 2],
    ['cancelled', 2],
    ['timed_out', 2],
  ] as const)('a run that ends %s: exit %i', async (status, code) => {
    await using stub = await Stub.start({ json: aRun() }, { json: ended({ status }) });
    const result = await run(['wait', 'run_1', '--url', stub.url]);
    expect(result).toMatchObject({ code, stderr: '' });
    expect(result.stdout).toContain(`run_1  ${status}`);
  });

  it('shows on a terminal how it stands, and clears that away', async () => {
    await using stub = await Stub.start({ json: aRun() }, { json: ended() });
    const { stderr } = await run(['wait', 'run_1', '--url', stub.url], { tty: true });
    expect(stderr).toContain('run_1  in_progress');
    expect(stderr.endsWith(`\r${escapeCharacter}[2K`)).toBe(true);
  });

  it('at its timeout exits 124, with the run', async () => {
    await using stub = await Stub.start({ json: aRun() }, { json: aRun() });
    const { code, stdout, stderr } = await run([
      'wait',
      'run_1',
      '--timeout',
      '1s',
      '--json',
      '--url',
      stub.url,
    ]);
    expect(code).toBe(124);
    expect(jsonLines(stdout)).toEqual([aRun()]);
    expect(stderr).toBe(
      'runfleet: Run run_1 is still in_progress after 1 s. It goes on; wait for it again.\n',
    );
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('at %s exits %i, and says that the run goes on', async (signal, code) => {
    await using stub = await Stub.start('hang');
    const session = start(['wait', 'run_1', '--url', stub.url]);
    await stub.received(1);
    session.signal(signal);
    expect(await session.result).toEqual({
      code,
      stdout: '',
      stderr: 'Run run_1 goes on. See it with: runfleet wait run_1\n',
    });
  });
});

describe('list', () => {
  it('is a table', async () => {
    await using stub = await Stub.start({
      json: {
        object: 'list',
        data: [aRun({ id: 'run_22', label: 'nightly' }), ended({ id: 'run_1' })],
        next_cursor: null,
      },
    });
    const { code, stdout } = await run(['list', '--url', stub.url]);
    expect(code).toBe(0);
    expect(stdout).toBe(
      [
        'ID      STATUS           KIND        ACCEPTED              CALLS  DELAY      LABEL',
        'run_22  in_progress      responses   2026-11-20 04:00:00Z  3                 nightly',
        'run_1   completed        responses   2026-11-20 04:00:00Z  3      420 ms',
        '',
      ].join('\n'),
    );
    expect(stub.requests[0]?.path).toBe('/v1/runs?limit=20');
  });

  it('stops at its limit, across pages', async () => {
    await using stub = await Stub.start(page(['a', 'b'], 'next'), page(['c', 'd'], 'more'));
    const argv = ['list', '--limit', '3', '--status', 'completed', '--kind', 'responses', '--json'];
    const { stdout } = await run([...argv, '--url', stub.url]);
    expect(jsonLines(stdout)).toMatchObject([{ id: 'a' }, { id: 'b' }, { id: 'c' }]);
    expect(stub.requests.map(({ path }) => path)).toEqual([
      '/v1/runs?status=completed&kind=responses&limit=3',
      '/v1/runs?status=completed&kind=responses&limit=3&cursor=next',
    ]);
  });

  it('--all goes on to the end', async () => {
    await using stub = await Stub.start(page(['a'], 'n1'), page(['b'], 'n2'), page(['c']));
    const { stdout } = await run(['list', '--all', '--json', '--url', stub.url]);
    expect(jsonLines(stdout)).toHaveLength(3);
  });

  it('says so when there is nothing', async () => {
    await using stub = await Stub.start(page([]));
    expect(await run(['list', '--url', stub.url])).toEqual({ code: 0, stdout: '', stderr: 'No runs fit.\n' });
  });

  it('stops in peace when its reader has had enough', async () => {
    await using stub = await Stub.start(...Array.from({ length: 50 }, () => page(['a', 'b', 'c'], 'next')));
    const result = await run(['list', '--all', '--url', stub.url], { stdoutClosesAfter: 2 });
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(stub.requests.length).toBeLessThan(5);
  });
});

describe('cancel and redrive', () => {
  it('take several runs, and go on after one that fails', async () => {
    await using stub = await Stub.start(
      { status: 202, json: aRun({ status: 'in_progress' }) },
      aProblem(404, { detail: 'There is no run nope.' }),
      { json: ended({ id: 'run_3', status: 'cancelled' }) },
    );
    const result = await run(['cancel', 'run_1', 'nope', 'run_3', '--url', stub.url]);
    expect(result).toEqual({
      code: 1,
      stdout: 'run_1  in_progress\nrun_3  cancelled\n',
      stderr: 'nope: There is no run nope.\n',
    });
  });

  it('--json gives a line a run', async () => {
    const again = aRun({ id: 'run_9', status: 'accepted' });
    await using stub = await Stub.start({ status: 202, json: again }, aProblem(409));
    const { code, stdout } = await run(['redrive', 'run_1', 'run_2', '--json', '--url', stub.url]);
    expect(code).toBe(1);
    expect(jsonLines(stdout)).toEqual([
      { id: 'run_1', run: again },
      { id: 'run_2', error: { type: '/docs#problem', title: 'Problem 409.', status: 409 } },
    ]);
  });

  it('stop at what would fail for all', async () => {
    await using stub = await Stub.start(aProblem(401, { detail: 'A valid API key is needed.' }));
    const result = await run(['cancel', 'run_1', 'run_2', '--url', stub.url]);
    expect(result).toEqual({
      code: 1,
      stdout: '',
      stderr: 'runfleet: A valid API key is needed. Set RUNFLEET_API_KEY, or pass --api-key.\n',
    });
    expect(stub.requests).toHaveLength(1);
  });
});

describe('the connection', () => {
  it('takes address and key from flags before the environment', async () => {
    await using stub = await Stub.start({ json: ended() }, { json: ended() });
    const env = { RUNFLEET_URL: 'http://127.0.0.1:1', RUNFLEET_API_KEY: 'from-the-environment' };
    await run(['get', 'run_1', '--url', stub.url, '--api-key', 'from-the-flag'], { env });
    await run(['get', 'run_1'], { env: { ...env, RUNFLEET_URL: stub.url } });
    expect(stub.requests.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer from-the-flag',
      'Bearer from-the-environment',
    ]);
  });

  it('says how to start a fleet when none is there', async () => {
    const { code, stderr } = await run(['get', 'run_1', '--url', 'http://127.0.0.1:1']);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^runfleet: Cannot reach runfleet at http:\/\/127\.0\.0\.1:1 \(\S+\)\. Start it with .+\n$/,
    );
  });

  it.each([
    [['get', 'run_1', '--url', 'http://me:hunter2hunter2@127.0.0.1']],
    [['get', 'run_1', '--url', 'hunter2hunter2']],
    [['get', 'run_1', '--api-key', 'hunter2hunter2\n\u0000', '--debug']],
    [['get', 'run_1', '--api-key', 'hunter2hunter2', '--url', 'http://127.0.0.1:1', '--debug']],
    [['get', 'run_1', '--api-key=hunter2hunter2', 'hunter2hunter2']],
  ])('never prints a secret: %j', async (argv) => {
    const { code, stdout, stderr } = await run(argv);
    expect(code).toBe(1);
    expect(stdout + stderr).not.toContain('hunter2');
  });
});

describe('tool-outputs', () => {
  it('answers calls of a run', async () => {
    await using stub = await Stub.start({ status: 202, json: aRun({ status: 'requires_action' }) });
    const { code } = await run(['tool-outputs', 'run_1', 'call_1={"a":"b=c"}', 'call_2='], {
      env: { RUNFLEET_URL: stub.url },
    });
    expect(code).toBe(0);
    expect(stub.requests[0]).toMatchObject({ method: 'POST', path: '/v1/runs/run_1/tool-outputs' });
    expect(JSON.parse(stub.requests[0]?.text ?? '')).toEqual({
      tool_outputs: [
        { tool_call_id: 'call_1', output: '{"a":"b=c"}' },
        { tool_call_id: 'call_2', output: '' },
      ],
    });
  });

  it('says how an answer is written', async () => {
    const { code, stderr } = await run(['tool-outputs', 'run_1', 'approved']);
    expect(code).toBe(1);
    expect(stderr).toContain('<call id>=<output>');
  });
});
