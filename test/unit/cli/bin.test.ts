/** The real command, in a process of its own: what cannot be seen from inside. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { aRun, Stub } from '../client/stub.ts';

const script = fileURLToPath(new URL('../../../bin/runfleet.js', import.meta.url));

function runfleet(...argv: readonly string[]) {
  const child = spawn(process.execPath, [script, ...argv], { env: {}, stdio: ['ignore', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const exit = async (): Promise<{ code: unknown; signal: unknown; stderr: string }> => {
    const [code, signal] = (await once(child, 'close')) as unknown[];
    return { code, signal, stderr };
  };
  return { child, exited: exit() };
}

describe('bin/runfleet.js', () => {
  it('runs', async () => {
    const { child, exited } = runfleet('--version');
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    expect(await exited).toEqual({ code: 0, signal: null, stderr: '' });
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('does not crash when its reader leaves', async () => {
    const data = Array.from({ length: 100 }, (_, index) => aRun({ id: `run_${index}` }));
    const more = () => ({ json: { object: 'list', data, next_cursor: 'more' } });
    await using stub = await Stub.start(...Array(10_000).fill(more));
    const { child, exited } = runfleet('list', '--all', '--url', stub.url);
    await once(child.stdout, 'data');
    child.stdout.destroy();
    expect(await exited).toEqual({ code: 0, signal: null, stderr: '' });
  });

  it('at Ctrl-C leaves the run alone and says so', async () => {
    await using stub = await Stub.start('hang');
    const { child, exited } = runfleet('wait', 'run_1', '--url', stub.url);
    await stub.received(1);
    child.kill('SIGINT');
    expect(await exited).toEqual({
      code: 130,
      signal: null,
      stderr: 'Run run_1 goes on. See it with: runfleet wait run_1\n',
    });
  });
});
