import { describe, expect, it } from 'vitest';
import * as examples from '../../../src/http/openapi/examples.ts';
import { Stub } from '../client/stub.ts';
import { run, start } from './harness.ts';

describe('quota', () => {
  it('shows limits, use, who waits and why', async () => {
    await using stub = await Stub.start({
      json: { ...examples.quota, paused_until: '2026-11-20T05:00:00.000Z' },
    });
    const { code, stdout } = await run(['quota', '--url', stub.url]);
    expect(code).toBe(0);
    expect(stdout).toContain('2940 of 3000 in 60 s, 98.0 % (configured)');
    expect(stdout).toContain('tokens    0 in 60 s, no limit known');
    expect(stdout).toMatch(/^create +– +1200 +40 +310$/m);
    expect(stdout).toContain('Calls wait: all slots of this minute are taken.');
    expect(stdout).toContain('Everybody pauses until 2026-11-20T05:00:00.000Z.');
    expect(stdout).not.toContain('\u001B');
  });

  it('names the accounts where there are several', async () => {
    const [account] = examples.quota.accounts;
    const accounts = [account, { ...account, name: 'eu' }];
    await using stub = await Stub.start({ json: { ...examples.quota, accounts } });
    const { stdout } = await run(['quota', '--url', stub.url]);
    expect(stdout).toMatch(/^default\ncalls .*\n(?:.+\n)+\neu\ncalls /);
  });

  it('keeps watching while the API is away for a moment, but not one that was never there', async () => {
    const away = { status: 503, json: { type: '/docs#problem-unavailable', title: 'Not now.', status: 503 } };
    const back = { json: { ...examples.quota, paused_until: '2026-11-20T05:00:00.000Z' } };
    // The client itself asks a few times before it tells.
    await using stub = await Stub.start(
      { json: examples.quota },
      ...Array.from({ length: 8 }, () => away),
      back,
    );
    const session = start(['quota', '--watch', '--json', '--url', stub.url]);
    await session.shown('2026-11-20T05:00');
    session.signal('SIGINT');
    const result = await session.result;
    expect(result.code).toBe(130);
    expect(result.stderr).toContain('Not now. Trying again.');

    await using never = await Stub.start(...Array.from({ length: 20 }, () => away));
    const { code: refused, stderr } = await run(['quota', '--watch', '--url', never.url]);
    expect(refused).toBe(1);
    expect(stderr).toContain('Not now.');
  });

  it('is the API’s answer with --json', async () => {
    await using stub = await Stub.start({ json: examples.quota });
    const { stdout } = await run(['quota', '--json', '--url', stub.url]);
    expect(JSON.parse(stdout)).toEqual(examples.quota);
  });
});
