import { describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from '../../../src/config/index.ts';

describe('the poll policy', () => {
  it('is learned by default, at a second a look', () => {
    expect(loadConfig({})).toMatchObject({ pollPolicy: 'learned', pollCostMs: 1000 });
  });

  it('can be the plain backoff, and at another price', () => {
    const env = { RUNFLEET_POLL_POLICY: 'backoff', RUNFLEET_POLL_COST_SECONDS: '0.25' };
    expect(loadConfig(env)).toMatchObject({ pollPolicy: 'backoff', pollCostMs: 250 });
  });

  it.each([
    ['RUNFLEET_POLL_POLICY', 'often'],
    ['RUNFLEET_POLL_COST_SECONDS', '0'],
    ['RUNFLEET_POLL_COST_SECONDS', '1s'],
    ['RUNFLEET_POLL_COST_SECONDS', '4000'],
  ])('refuses %s=%s', (name, value) => {
    expect(() => loadConfig({ [name]: value })).toThrow(ConfigError);
    expect(() => loadConfig({ [name]: value })).toThrow(name);
  });
});
