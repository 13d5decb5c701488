import { expect, it } from 'vitest';
import { redactorFor, withoutUserInfo } from '../../../src/cli/redact.ts';

it('takes out every secret of the environment, alone or in a list', () => {
  const redact = redactorFor(
    {
      OPENAI_API_KEY: 'sk-0123456789',
      RUNFLEET_API_KEYS: 'producer:key-of-the-producer, board:key-of-the-board',
      OPENAI_WEBHOOK_SECRET: 'whsec_old,whsec_new',
      RUNFLEET_ACCOUNT_EU_WEST_API_KEY: 'sk-of-eu-west',
      RUNFLEET_ACCOUNT_EU_WEST_WEBHOOK_SECRET: 'whsec_of_eu',
      REDIS_URL: 'redis+sentinel://user:p%40ssw0rd@a:26379,b:26379/master',
    },
    ['from-a-flag', undefined],
  );
  const secrets = [
    'sk-0123456789',
    'key-of-the-producer',
    'key-of-the-board',
    'whsec_new',
    'sk-of-eu-west',
    'whsec_of_eu',
    'p@ssw0rd',
    'from-a-flag',
  ];
  for (const secret of secrets) expect(redact(`<${secret}>`)).toBe('<***>');
  expect(redact('the producer and the board at a:26379')).toBe('the producer and the board at a:26379');
});

it('blots out no ordinary words for the sake of a placeholder', () => {
  expect(redactorFor({ RUNFLEET_API_KEY: 'a', OPENAI_API_KEY: 'none' })('none of a kind')).toBe(
    'none of a kind',
  );
});

it.each([
  ['redis://user:pass@host:6379/0', 'redis://***@host:6379/0'],
  [
    'at https://me:a@b@host/x?y and redis+cluster://:p@a,b',
    'at https://***@host/x?y and redis+cluster://***@a,b',
  ],
  ['mail me@host, see https://host/@x', 'mail me@host, see https://host/@x'],
])('%s → %s', (text, expected) => {
  expect(withoutUserInfo(text)).toBe(expected);
});
