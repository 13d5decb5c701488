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

const keysOf = (text: string) => loadConfig({ RUNFLEET_API_KEYS: text }).apiKeys;

describe('API keys', () => {
  it('give the only one every scope, and each of several its own runs alone', () => {
    expect(keysOf('ops:secret')).toEqual([{ name: 'ops', key: 'secret', scopes: ['admin'] }]);
    expect(keysOf('a:x,b:y').map(({ scopes }) => scopes)).toEqual([
      ['enqueue', 'read'],
      ['enqueue', 'read'],
    ]);
  });

  it('have the scopes that they name', () => {
    expect(keysOf('ops/admin:k:1, svc/enqueue+read:k2')).toEqual([
      { name: 'ops', key: 'k:1', scopes: ['admin'] },
      { name: 'svc', key: 'k2', scopes: ['enqueue', 'read'] },
    ]);
  });

  it.each(['ops/root:secret', 'ops/:secret', 'ops/read+:secret', 'secret', 'a:secret,a:secret'])(
    'refuse %s, and do not repeat the key',
    (text) => {
      expect(() => keysOf(text)).toThrow(/RUNFLEET_API_KEYS/);
      expect(() => keysOf(text)).not.toThrow(/secret/);
    },
  );
});
