import { expect, test } from 'vitest';

import { accountId, limiterKeys } from '../../../src/adapters/redis-limiter/keys.ts';

test('the keys of an account', () => {
  const account = accountId({ baseUrl: 'https://api.openai.com/v1', credential: 'sk-test' });
  expect(account).toBe('9cf73d9511c1508cf155');
  const keys = limiterKeys('{runfleet}', account);
  expect(keys.state).toBe('{runfleet}:limiter:9cf73d9511c1508cf155');
  expect(keys.channel).toBe('{runfleet}:limiter:9cf73d9511c1508cf155:pause');
  expect(keys.tokens('run-1')).toBe('{runfleet}:limiter:9cf73d9511c1508cf155:tokens:run-1');
});

test('the same account is the same however its URL ends; another key is another', () => {
  const id = accountId({ baseUrl: 'https://api.openai.com/v1', credential: 'a' });
  expect(accountId({ baseUrl: 'https://api.openai.com/v1/', credential: 'a' })).toBe(id);
  expect(accountId({ baseUrl: 'https://api.openai.com/v1', credential: 'b' })).not.toBe(id);
  expect(accountId({ baseUrl: 'https://example.com/v1', credential: 'a' })).not.toBe(id);
});
