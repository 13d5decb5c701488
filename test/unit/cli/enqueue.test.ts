import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aProblem, aRun, ended, Stub } from '../client/stub.ts';
import type { Received, Reply } from '../client/stub.ts';
import { jsonLines, run, start } from './harness.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'runfleet-cli-'));
});
afterAll(async () => rm(folder, { recursive: true }));

async function file(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

const accepted = { status: 202, json: aRun({ status: 'accepted' }) };

describe('enqueue one', () => {
  it('prints the id, and nothing else for scripts to trip over', async () => {
    await using stub = await Stub.start(accepted);
    const argv = ['enqueue', '--model', 'gpt-5', '--input', 'Why?', '--url', stub.url];
    expect(await run(argv)).toEqual({ code: 0, stdout: 'run_1\n', stderr: '' });
    expect(JSON.parse(stub.requests[0]?.text ?? '')).toEqual({ request: { model: 'gpt-5', input: 'Why?' } });
  });

  it('turns every flag into its field', async () => {
    await using stub = await Stub.start(accepted);
    const flags = {
      '--kind': 'assistants',
      '--request': '{"assistant_id":"asst_1"}',
      '--label': 'nightly',
      '--lane': 'customer-42',
      '--follow': 'stream',
      '--deadline': '10m',
      '--priority': '7',
      '--callback': 'https://example.com/done',
      '--idempotency-key': 'order-4711',
    };
    const argv = ['enqueue', ...Object.entries(flags).flat(), '--metadata', 'a=b=c', '--metadata', 'd='];
    const { stdout } = await run([...argv, '--json', '--url', stub.url]);
    expect(jsonLines(stdout)).toEqual([accepted.json]);
    expect(stub.requests[0]?.headers['idempotency-key']).toBe('order-4711');
    expect(JSON.parse(stub.requests[0]?.text ?? '')).toEqual({
      kind: 'assistants',
      request: { assistant_id: 'asst_1' },
      label: 'nightly',
      lane: 'customer-42',
      follow: 'stream',
      deadline_seconds: 600,
      priority: 7,
      callback: { url: 'https://example.com/done' },
      metadata: { a: 'b=c', d: '' },
    });
  });

  it('reads the request from a file or from standard input, and the prompt too', async () => {
    await using stub = await Stub.start(accepted, accepted, accepted);
    const path = await file('request.json', '\uFEFF{"model":"m","input":"from a file"}');
    const url = ['--url', stub.url];
    await run(['enqueue', '--request', `@${path}`, ...url]);
    await run(['enqueue', '--request', '-', ...url], { stdin: '{"model":"m",\n"input":"piped"}\n' });
    await run(['enqueue', '--model', 'm', '--input', '-', ...url], { stdin: 'two\nlines\n' });
    expect(stub.requests.map(({ text }) => JSON.parse(text) as unknown)).toEqual([
      { request: { model: 'm', input: 'from a file' } },
      { request: { model: 'm', input: 'piped' } },
      { request: { model: 'm', input: 'two\nlines' } },
    ]);
  });

  it('--wait shows the ended run, and exits as it ended', async () => {
    await using stub = await Stub.start(accepted, { json: ended({ status: 'failed' }) });
    const argv = ['enqueue', '--model', 'm', '--input', 'x', '--wait', '--url', stub.url];
    const { code, stdout } = await run(argv);
    expect(code).toBe(2);
    expect(stdout).toContain('run_1  failed');
  });

  it('does not lose the id when the waiting fails or is interrupted', async () => {
    await using stub = await Stub.start(accepted, aProblem(404), accepted, 'hang');
    const argv = ['enqueue', '--model', 'm', '--input', 'x', '--wait', '--url', stub.url];
    const failed = await run(argv);
    expect(failed.stderr).toMatch(/^Run run_1 was accepted\. See it with: runfleet wait run_1\nrunfleet: /);
    const session = start(argv);
    await stub.received(4);
    session.signal('SIGINT');
    expect(await session.result).toMatchObject({
      code: 130,
      stderr: 'Run run_1 was accepted and goes on. See it with: runfleet wait run_1\n',
    });
  });

  it('stops reading standard input when interrupted', async () => {
    const session = start(['enqueue', '--request', '-'], { stdin: null });
    session.signal('SIGINT');
    expect(await session.result).toMatchObject({ code: 130 });
  });

  it('tells what the server finds wrong', async () => {
    const errors = [{ pointer: '/request/model', detail: 'Missing.' }];
    await using stub = await Stub.start(aProblem(400, { errors }));
    const result = await run(['enqueue', '--request', '{}', '--url', stub.url]);
    expect(result).toEqual({ code: 1, stdout: '', stderr: 'runfleet: /request/model: Missing.\n' });
  });
});

const sentShape = z.object({ runs: z.array(z.looseObject({ request: z.object({ n: z.number() }) })) });

const sent = (received: Received) => sentShape.parse(JSON.parse(received.text)).runs;

/** Refuses the run whose `n` is 13. */
const bulk = (received: Received): Reply => ({
  json: {
    runs: sent(received).map(({ request: { n } }) =>
      n === 13
        ? {
            error: {
              type: '/p',
              title: 'Bad.',
              status: 400,
              errors: [{ pointer: '/request/n', detail: 'Unlucky.' }],
            },
          }
        : { run: aRun({ id: `run_${n}`, status: 'accepted' }) },
    ),
  },
});

const many = (count: number): string =>
  Array.from({ length: count }, (_, n) => `{"request":{"n":${n + 100}}}\n`).join('');

const ends = (received: Received): Reply => {
  const id = received.path.replace(/^\/v1\/runs\/(\w+)\?.*$/, '$1');
  return { json: ended({ id, status: id === 'run_101' ? 'failed' : 'completed' }) };
};

describe('enqueue --file', () => {
  const lines = [
    '\uFEFF{"request":{"n":1}}',
    'not json',
    '{"request":{"n":13}}',
    '',
    '{"model":"m"}',
    '{"request":{"n":5},"label":"own","metadata":{"a":"mine"}}',
    '{"request":{"n":6},"metadata":{"a":1}}',
  ].join('\r\n');

  it('accepts what it can, names the lines it cannot, and exits 1', async () => {
    await using stub = await Stub.start(bulk);
    const path = await file('runs.jsonl', lines);
    const argv = ['enqueue', '--file', path, '--label', 'nightly', '--metadata', 'a=b', '--metadata', 'c=d'];
    const { code, stdout, stderr } = await run([...argv, '--url', stub.url]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: 'run_1\nrun_5\n' });
    expect(stderr.split('\n')).toEqual([
      'line 2: This is not a JSON object.',
      'line 5: There is no object "request" in it.',
      'line 7: "metadata" holds something that is not text.',
      'line 3: /request/n: Unlucky.',
      '2 accepted, 4 refused.',
      '',
    ]);
    const [request] = stub.requests;
    expect(request === undefined ? [] : sent(request)).toEqual([
      { request: { n: 1 }, label: 'nightly', metadata: { a: 'b', c: 'd' } },
      { request: { n: 13 }, label: 'nightly', metadata: { a: 'b', c: 'd' } },
      { request: { n: 5 }, label: 'own', metadata: { a: 'mine', c: 'd' } },
    ]);
  });

  it('--json gives a line a line, from standard input too', async () => {
    await using stub = await Stub.start(bulk);
    const { code, stdout } = await run(['enqueue', '--file', '-', '--json', '--url', stub.url], {
      stdin: lines,
    });
    expect(code).toBe(1);
    expect(jsonLines(stdout)).toMatchObject([
      { line: 2, error: { status: 400 } },
      { line: 5, error: {} },
      { line: 7, error: {} },
      { line: 1, run: { id: 'run_1' } },
      { line: 3, error: { errors: [{ pointer: '/request/n' }] } },
      { line: 6, run: { id: 'run_5' } },
    ]);
  });

  it('goes in batches of a thousand', async () => {
    await using stub = await Stub.start(bulk, bulk, bulk);
    const { code, stdout, stderr } = await run(['enqueue', '--file', '-', '--url', stub.url], {
      stdin: many(2001),
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '2001 accepted.\n' });
    expect(stdout.trim().split('\n')).toHaveLength(2001);
    expect(stub.requests.map((request) => sent(request).length)).toEqual([1000, 1000, 1]);
  });

  it('after a lost reply says what is in doubt, and where to go on', async () => {
    await using stub = await Stub.start(bulk, 'reset');
    const { code, stderr } = await run(['enqueue', '--file', '-', '--url', stub.url], { stdin: many(2500) });
    expect(code).toBe(1);
    expect(stderr).toContain('Lines 1001 to 2000 may have been accepted: look with runfleet list.\n');
    expect(stderr).toContain('Lines from 2001 on were not sent.\n1000 accepted.\nrunfleet: Cannot reach');
  });

  it('--wait waits for all of them', async () => {
    await using stub = await Stub.start(bulk, ends, ends, ends);
    const argv = ['enqueue', '--file', '-', '--wait', '--url', stub.url];
    const { code, stdout } = await run(argv, { stdin: many(3) });
    expect(code).toBe(2);
    expect(stdout.trim().split('\n').sort()).toEqual([
      'run_100  completed',
      'run_101  failed',
      'run_102  completed',
    ]);
  });
});
