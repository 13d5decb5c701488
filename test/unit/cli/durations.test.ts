import { describe, expect, it } from 'vitest';
import type { DurationClass } from '../../../src/client/index.ts';
import { ended, Stub } from '../client/stub.ts';
import { jsonLines, run } from './harness.ts';

const one: DurationClass = {
  class: 'responses|m=gpt-5|l=nightly',
  runs: 120,
  evidence: 118.2,
  shifted: false,
  p10_seconds: 2.1,
  p50_seconds: 4,
  p90_seconds: 9.25,
  p99_seconds: 75,
  last_seen_at: '2026-11-20T04:00:00.000Z',
  histogram: [0, 0.001, 0.05, 0.4, 0.2].map((share, at) => ({
    from_seconds: 2 ** at,
    to_seconds: 2 ** (at + 1),
    share,
  })),
};
const list = (data: readonly DurationClass[]) => ({ json: { object: 'list', data } });

describe('durations', () => {
  it('draws a histogram a class', async () => {
    await using stub = await Stub.start(list([one, { ...one, class: 'responses', runs: 1, shifted: true }]));
    const { code, stdout, stderr } = await run(['durations', '--url', stub.url]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.split('\n')).toEqual([
      'responses|m=gpt-5|l=nightly  120 runs  p10 2.1 s  p50 4.0 s  p90 9.3 s  p99 1 min 15 s',
      '  1.0 s   ▁█▄ 32.0 s',
      '',
      'responses  1 run  p10 2.1 s  p50 4.0 s  p90 9.3 s  p99 1 min 15 s  (lately different)',
      '  1.0 s   ▁█▄ 32.0 s',
      '',
      '',
    ]);
    expect(stub.requests[0]?.path).toBe('/v1/durations?limit=20');
  });

  it('gives one class a line to scripts', async () => {
    await using stub = await Stub.start(list([one, one]));
    const { stdout } = await run(['durations', '--json', '--limit', '2', '--url', stub.url]);
    expect(jsonLines(stdout)).toEqual([one, one]);
  });

  it('says when nothing is known, and when the answer is not a fleet’s', async () => {
    await using stub = await Stub.start(list([]), { json: { data: [{}] } });
    const nothing = await run(['durations', '--url', stub.url]);
    expect(nothing).toMatchObject({ code: 0, stdout: '', stderr: 'Nothing has been learnt yet.\n' });
    expect((await run(['durations', '--url', stub.url])).code).toBe(1);
  });
});

it('get tells when and why a run was looked at', async () => {
  const looks = [
    { age_ms: 900, reason: 'learned' },
    { age_ms: 4200, reason: 'guard' },
  ] as const;
  await using stub = await Stub.start({ json: ended({ looks: [...looks] }) });
  const { stdout } = await run(['get', 'run_1', '--url', stub.url]);
  expect(stdout).toContain('looks         900 ms learned, 4.2 s guard');
});

it('enqueue passes the price and the bound on', async () => {
  await using stub = await Stub.start({ status: 202, json: ended() });
  const flags = ['--model', 'm', '--input', 'i', '--poll-cost', '200ms', '--max-delay', '1m'];
  await run(['enqueue', ...flags, '--url', stub.url]);
  expect(JSON.parse(stub.requests[0]?.text ?? '')).toMatchObject({
    poll_cost_seconds: 0.2,
    max_delay_seconds: 60,
  });
});
