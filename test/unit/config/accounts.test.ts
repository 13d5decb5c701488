import { describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from '../../../src/config/index.ts';

const secret = 'sk-not-to-be-printed';
const hook = 'whsec_AAAAAAAAAAAAAAA';
const eu = { RUNFLEET_ACCOUNTS: 'eu', RUNFLEET_ACCOUNT_EU_API_KEY: secret };
const files: Readonly<Record<string, string>> = {
  '/run/key': `${secret}\n`,
  '/run/empty': '\n',
  '/run/two': `${secret}\n${secret}`,
};

type Env = Parameters<typeof loadConfig>[0];

function load(env: Env) {
  return loadConfig(env, (path) => {
    const text = files[path];
    if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
    return text;
  });
}

function refusalOf(env: Env): string {
  try {
    load(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error('It was taken.');
}

describe('accounts', () => {
  it('are none without a key, so that the simulator stands in', () => {
    expect(load({})).toMatchObject({ accounts: [], pools: [] });
  });

  it.each([
    ['a key', { OPENAI_API_KEY: secret }, { apiKey: secret, baseUrl: null }],
    ['a file', { OPENAI_API_KEY_FILE: '/run/key' }, { apiKey: secret, baseUrl: null }],
    ['a server without keys', { OPENAI_BASE_URL: 'http://h/v1' }, { apiKey: 'none', baseUrl: 'http://h/v1' }],
  ])('hold the plain one: %s', (_, env, account) => {
    expect(load(env).accounts).toMatchObject([{ name: 'default', webhookSecrets: [], ...account }]);
  });

  it('put the plain one first, and the first one named where there is none', () => {
    const env = { ...eu, RUNFLEET_ACCOUNTS: 'batch, eu', RUNFLEET_ACCOUNT_BATCH_API_KEY: 'b' };
    expect(load(env).accounts.map(({ name }) => name)).toEqual(['batch', 'eu']);
    expect(load({ ...env, OPENAI_API_KEY: secret }).accounts.map(({ name }) => name)).toEqual([
      'default',
      'batch',
      'eu',
    ]);
  });

  it('have settings of their own, and the fleet’s for the rest', () => {
    const { accounts } = load({
      RUNFLEET_ACCOUNTS: 'eu-west,batch',
      RUNFLEET_RPM: '500',
      RUNFLEET_RPM_CREATE: '50',
      RUNFLEET_ACCOUNT_EU_WEST_API_KEY_FILE: '/run/key',
      RUNFLEET_ACCOUNT_EU_WEST_BASE_URL: 'https://eu.example/v1',
      RUNFLEET_ACCOUNT_EU_WEST_RPM: '100',
      RUNFLEET_ACCOUNT_EU_WEST_TPM: '0',
      RUNFLEET_ACCOUNT_EU_WEST_RPM_LOOK: '7',
      RUNFLEET_ACCOUNT_EU_WEST_LOOKS_ARE_FREE: 'true',
      RUNFLEET_ACCOUNT_EU_WEST_WEBHOOK_SECRET: `${hook}A, ${hook}B`,
      RUNFLEET_ACCOUNT_BATCH_API_KEY: 'b',
      RUNFLEET_ACCOUNT_BATCH_RPM: '',
    });
    expect(accounts).toEqual([
      {
        name: 'eu-west',
        apiKey: secret,
        baseUrl: 'https://eu.example/v1',
        webhookSecrets: [`${hook}A`, `${hook}B`],
        quota: {
          requests: 100,
          tokens: 0,
          classRequests: { create: 50, look: 7 },
          looksAreFree: true,
          jitterMs: 400,
        },
      },
      expect.objectContaining({
        name: 'batch',
        baseUrl: null,
        quota: expect.objectContaining({ requests: 500, tokens: null, looksAreFree: false }),
      }),
    ]);
  });

  it.each<[string, Env, string]>([
    ['no key', { RUNFLEET_ACCOUNTS: 'eu' }, 'RUNFLEET_ACCOUNT_EU_API_KEY: missing'],
    ['a name that is none', { RUNFLEET_ACCOUNTS: 'EU' }, 'RUNFLEET_ACCOUNTS: Small letters'],
    ['a name twice', { ...eu, RUNFLEET_ACCOUNTS: 'eu,eu' }, 'RUNFLEET_ACCOUNTS: names an account twice'],
    ['the plain one’s name', { ...eu, RUNFLEET_ACCOUNTS: 'eu,default' }, '`default` is the account of'],
    ['a file that is not there', { OPENAI_API_KEY_FILE: '/nowhere' }, 'cannot be read (ENOENT)'],
    ['an empty file', { OPENAI_API_KEY_FILE: '/run/empty' }, 'OPENAI_API_KEY_FILE: the file is empty'],
    ['a file of two keys', { OPENAI_API_KEY_FILE: '/run/two' }, 'holds more than a key'],
    ['a key and a file', { OPENAI_API_KEY: secret, OPENAI_API_KEY_FILE: '/run/key' }, 'not both'],
    ['a blank in a key', { ...eu, RUNFLEET_ACCOUNT_EU_API_KEY: `${secret} x` }, 'EU_API_KEY: holds blanks'],
    ['a limit that is none', { ...eu, RUNFLEET_ACCOUNT_EU_RPM: 'many' }, 'RUNFLEET_ACCOUNT_EU_RPM: must be'],
    ['a misspelt limit', { ...eu, RUNFLEET_ACCOUNT_EU_RMP: '5' }, 'RUNFLEET_ACCOUNT_EU_RMP: sets nothing'],
    [
      'settings of nobody',
      { ...eu, RUNFLEET_ACCOUNT_US_API_KEY: secret },
      'ACCOUNT_US_API_KEY: sets nothing',
    ],
    ['a secret that is none', { ...eu, RUNFLEET_ACCOUNT_EU_WEBHOOK_SECRET: secret }, 'must be whsec_'],
    [
      'two quotas for one key',
      {
        ...eu,
        RUNFLEET_ACCOUNTS: 'eu,twin',
        RUNFLEET_ACCOUNT_TWIN_API_KEY: secret,
        RUNFLEET_ACCOUNT_TWIN_RPM: '9',
      },
      'twin and eu are one key at one server',
    ],
  ])('refuse %s, and print no secret', (_, env, message) => {
    const refusal = refusalOf(env);
    expect(refusal).toContain(message);
    expect(refusal).not.toContain(secret);
  });

  it('are judged together with all the rest', () => {
    const refusal = refusalOf({
      RUNFLEET_PORT: 'x',
      RUNFLEET_ACCOUNTS: 'eu,batch',
      RUNFLEET_ACCOUNT_EU_RPM: '-1',
      RUNFLEET_POOLS: 'any=eu+us',
    });
    for (const variable of [
      'RUNFLEET_PORT',
      'EU_RPM',
      'BATCH_API_KEY',
      'RUNFLEET_POOLS: there is no account us',
    ])
      expect(refusal).toContain(variable);
  });
});

describe('pools', () => {
  const env = { ...eu, OPENAI_API_KEY: 'a' };

  it('name several accounts', () => {
    expect(load({ ...env, RUNFLEET_POOLS: 'any = default+eu, cheap=eu' }).pools).toEqual([
      { name: 'any', members: ['default', 'eu'] },
      { name: 'cheap', members: ['eu'] },
    ]);
  });

  it.each([
    ['any', 'must be name=account+account'],
    ['any=', 'must be name=account+account'],
    ['any=eu+eu', 'has an account twice'],
    ['any=eu,any=default', 'names a pool twice'],
    ['any=us', 'there is no account us'],
    ['eu=default', 'eu is the name of an account'],
    ['default=eu', 'default is the name of an account'],
    ['Any=eu', 'Small letters'],
  ])('refuse %j', (text, message) => {
    expect(refusalOf({ ...env, RUNFLEET_POOLS: text })).toContain(`RUNFLEET_POOLS: ${message}`);
  });
});
