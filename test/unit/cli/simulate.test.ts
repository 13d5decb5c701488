import { describe, expect, it } from 'vitest';
import { simulatorOptions } from '../../../src/cli/commands/simulate.ts';
import { parseDistribution, parseDurationMs, parseShare, parseWeights } from '../../../src/cli/parse.ts';
import { startSimulator } from '../../../src/simulator/index.ts';
import { jsonLines, run, start } from './harness.ts';

describe('simulate', () => {
  it('serves until it is stopped, and says how to get there', async () => {
    const session = start(['simulate', '--port', '0', '--seed', '7'], { deps: { startSimulator } });
    await session.shown('/_sim/ledger');
    session.signal('SIGINT');
    const { code, stdout } = await session.result;
    expect(code).toBe(0);
    const baseUrl = /listens on (\S+)/.exec(stdout)?.[1] ?? '';
    expect(stdout).toContain(`OPENAI_BASE_URL=${baseUrl} OPENAI_API_KEY=sk-simulated npx runfleet all`);
    expect(stdout).toContain(`new OpenAI({ baseURL: '${baseUrl}'`);
  });

  it('--json gives address and port, and it answers there', async () => {
    const session = start(['simulate', '--port', '0', '--json'], { deps: { startSimulator } });
    await session.shown('baseUrl');
    const refused = await start(['simulate', '--port', '0', '--endings', 'triumph'], {
      deps: { startSimulator },
    }).result;
    session.signal('SIGTERM');
    const { stdout } = await session.result;
    expect(jsonLines(stdout)).toEqual([
      { baseUrl: expect.stringMatching(/^http:/), port: expect.any(Number) },
    ]);
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.stderr).toContain('endings');
  });

  it('says so when the port is taken', async () => {
    await using simulator = await startSimulator();
    const port = String(simulator.port);
    const { code, stderr } = await run(['simulate', '--port', port], { deps: { startSimulator } });
    expect(code).toBe(1);
    expect(stderr).toBe(
      `runfleet: Port ${port} is in use. Choose another with --port, or any with --port 0.\n`,
    );
  });

  it('leaves unset what was not given, and turns shares into faults', () => {
    const place = { port: 0, host: '127.0.0.1' };
    expect(simulatorOptions(place)).toEqual(place);
    expect(simulatorOptions({ ...place, errors: 0.05, lostReplies: 0, rpm: 60, pollAfter: 500 })).toEqual({
      ...place,
      requestsPerMinute: 60,
      pollAfterMs: 500,
      faults: { rules: [{ operation: '*', fault: { type: 'http_error', status: 500 }, probability: 0.05 }] },
    });
  });
});

describe('values of flags', () => {
  it.each([
    ['4s', { type: 'fixed', ms: 4000 }],
    ['fixed:250ms', { type: 'fixed', ms: 250 }],
    ['uniform:1s,1.5m', { type: 'uniform', minMs: 1000, maxMs: 90_000 }],
    ['lognormal:4s,0.8', { type: 'lognormal', medianMs: 4000, sigma: 0.8 }],
    ['bimodal: 2s, 40s, 30%', { type: 'bimodal', fastMs: 2000, slowMs: 40_000, slowShare: 0.3 }],
    ['pareto:2s,1.5', { type: 'pareto', minMs: 2000, alpha: 1.5 }],
  ])('the distribution %s', (text, expected) => {
    expect(parseDistribution(text)).toEqual(expected);
  });

  it.each([
    '',
    '4',
    'lognormal:4s',
    'lognormal:4s,wide',
    'uniform:1s',
    'bimodal:1s,2s,3',
    'toString:4s',
    'fixed:1s,2s',
  ])('refuses the distribution %j', (text) => {
    expect(() => parseDistribution(text)).toThrow(/^Write /);
  });

  it.each([
    ['250ms', 250],
    ['.5s', 500],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
  ])('the time %s', (text, expected) => {
    expect(parseDurationMs(text)).toBe(expected);
  });

  it.each(['', '5', '-1s', '1e3s', '5 weeks'])('refuses the time %j', (text) => {
    expect(() => parseDurationMs(text)).toThrow('Write a time');
  });

  it.each([
    ['0.05', 0.05],
    ['5%', 0.05],
    ['1', 1],
  ])('the share %s', (text, expected) => {
    expect(parseShare(text)).toBe(expected);
  });

  it.each(['', '%', '1.5', '-0.1', 'half'])('refuses the share %j', (text) => {
    expect(() => parseShare(text)).toThrow('Write a share');
  });

  it('weights', () => {
    expect(parseWeights('completed=8,failed=1,tools')).toEqual({ completed: 8, failed: 1, tools: 1 });
    for (const text of ['', 'a=b', 'a=1=2', '=1', 'a=-1', 'a=']) {
      expect(() => parseWeights(text)).toThrow('Write endings');
    }
  });
});
