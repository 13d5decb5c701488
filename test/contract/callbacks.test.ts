/** Callbacks on their way: the fake, and the queue on the Redis of this machine. */

import { Queue } from 'bullmq';
import { callbackKeys, callbacksQueue } from '../../src/adapters/callbacks/keys.ts';
import { BullmqCallbackSender } from '../../src/adapters/callbacks/sender.ts';
import { connectRedis } from '../../src/adapters/redis-sdk/client.ts';
import type { CallbackMessage } from '../../src/ports/callback-sender.ts';
import { FakeCallbackSender } from '../support/fakes/callbacks.ts';
import { useRedis } from '../support/redis.ts';
import { callbackSenderConformance } from './suites/callback-sender.ts';

const redis = useRedis();

callbackSenderConformance('fake', () => {
  const sender = new FakeCallbackSender();
  return Promise.resolve({
    sender,
    sent: () => Promise.resolve([...sender.sent.values()]),
    close: () => Promise.resolve(),
  });
});

callbackSenderConformance('BullMQ', () => {
  const prefix = redis.prefix();
  const client = connectRedis(redis.url, 'prompt');
  const queue = new Queue(callbacksQueue, { connection: client, prefix });
  return Promise.resolve({
    sender: new BullmqCallbackSender({ queue, client, prefix }),
    async sent() {
      const jobs = await queue.getJobs(['waiting']);
      return await Promise.all(
        jobs.map(async ({ id = '', data }): Promise<CallbackMessage> => {
          const body = (await client.get(callbackKeys(prefix).body(id))) ?? '';
          return { id, runId: data.run_id, type: data.type, url: data.url, body };
        }),
      );
    },
    async close() {
      await queue.close();
      client.disconnect();
    },
  });
});
