import { describe, expect, it } from 'vitest';
import * as examples from '../../../src/http/openapi/examples.ts';
import { Stub } from '../client/stub.ts';
import { run } from './harness.ts';

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

  it('is the API’s answer with --json', async () => {
    await using stub = await Stub.start({ json: examples.quota });
    const { stdout } = await run(['quota', '--json', '--url', stub.url]);
    expect(JSON.parse(stdout)).toEqual(examples.quota);
  });
});
