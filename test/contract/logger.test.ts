/** What is logged of errors, with those that Redis really answers. */

import { expect, it, onTestFinished } from 'vitest';
import { onRedis } from '../../src/adapters/redis-sdk/errors.ts';
import { Script } from '../../src/adapters/redis-sdk/script.ts';
import { createLogger } from '../../src/runtime/logger.ts';
import { opened } from '../support/redis-ports.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();

function logged(error: unknown): Readonly<Record<string, unknown>> {
  const lines: string[] = [];
  createLogger('info', { write: (line) => lines.push(line) }).error({ err: error }, 'It went wrong');
  return JSON.parse(lines.join(''));
}

it('says what went wrong, and nothing of what was to be written', async () => {
  const client = opened(redis.url);
  onTestFinished(() => client.disconnect());
  const key = `${redis.prefix()}:text`;
  await client.set(key, 'no hash');
  const keep = new Script("return redis.call('HSET', KEYS[1], 'answer', ARGV[1])");
  const refused: unknown = await keep.run(client, [key], ['PLANTED']).catch((error: unknown) => error);
  const plain: unknown = await client.hset(key, 'answer', 'PLANTED').catch((error: unknown) => error);
  const wrapped: unknown = await onRedis(() => Promise.reject(refused)).catch((error: unknown) => error);
  for (const error of [refused, plain, wrapped]) {
    const { msg, err } = logged(error);
    expect(msg).toBe('It went wrong');
    expect(err).toMatchObject({ message: expect.stringContaining('WRONGTYPE') });
    expect(err).toMatchObject({ stack: expect.stringContaining('    at ') });
    expect(JSON.stringify(err)).not.toContain('PLANTED');
  }
});

it('says the code of an error, and its causes', () => {
  const cause = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
  expect(logged(cause)['err']).toMatchObject({ message: 'refused', code: 'ECONNREFUSED' });
  const error = new TypeError('It cannot be reached', { cause });
  expect(logged(error)['err']).toMatchObject({ type: 'TypeError', message: 'It cannot be reached: refused' });
  expect(logged('a text')['err']).toEqual({ message: 'a text' });
});
