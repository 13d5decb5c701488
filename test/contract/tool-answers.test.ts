import { expect, it, onTestFinished } from 'vitest';
import { runKeys } from '../../src/adapters/bullmq/keys.ts';
import { RedisToolAnswers } from '../../src/adapters/bullmq/tool-answers.ts';
import { FakeToolAnswers } from '../support/fakes/tool-answers.ts';
import { opened } from '../support/redis-ports.ts';
import { useRedis } from '../support/redis.ts';
import { toolAnswersConformance } from './suites/tool-answers.ts';

const redis = useRedis();

toolAnswersConformance('fake', () =>
  Promise.resolve({ answers: new FakeToolAnswers(), close: () => Promise.resolve() }),
);

toolAnswersConformance('Redis', async () => {
  const client = opened(redis.url);
  const prefix = redis.prefix();
  await client.hset(runKeys(prefix).job('run-1'), 'data', '{}');
  return {
    answers: new RedisToolAnswers(client, prefix),
    close: () => Promise.resolve(client.disconnect()),
  };
});

it('leaves no keys of a run that is gone', async () => {
  const client = opened(redis.url);
  onTestFinished(() => client.disconnect());
  const prefix = redis.prefix();
  await new RedisToolAnswers(client, prefix).open('run-9', 1, [{ id: 'a', name: 'b', arguments: '{}' }]);
  await expect(client.exists(runKeys(prefix).tools('run-9'))).resolves.toBe(0);
});
