import { once } from 'node:events';
import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { connectRedis } from '../../../../src/adapters/redis-sdk/client.ts';
import { freePort } from '../../../../src/runtime/free-port.ts';

it.each(['itself', 'its duplicate'])(
  'a connection that is given up while it waits says so: %s',
  async (whose) => {
    const first = connectRedis(`redis://127.0.0.1:${await freePort()}`, 'patient');
    if (!(first instanceof Redis)) throw new Error('No connection to one server.');
    const client = whose === 'itself' ? first : first.duplicate();
    for (const each of new Set([first, client])) each.on('error', () => {});
    await new Promise((resolve) => client.once('reconnecting', resolve));
    const ended = once(client, 'end');
    client.disconnect();
    await ended;
    expect(client.status).toBe('end');
    first.disconnect();
  },
);
