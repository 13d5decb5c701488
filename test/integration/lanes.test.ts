/** What a crash can leave in a lane, and that it locks nobody out. */

import { describe, expect, it, onTestFinished } from 'vitest';
import { runKeys } from '../../src/adapters/bullmq/keys.ts';
import { Lanes } from '../../src/adapters/bullmq/lanes.ts';
import { opened } from '../support/redis-ports.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();

const member = (id: string) => ({ id, lane: 'customer-42', owner: null });

function rig() {
  const client = opened(redis.url);
  onTestFinished(() => client.disconnect());
  const keys = runKeys(redis.prefix());
  const lanes = new Lanes(client, keys);
  const laneKey = async () => (await client.keys(keys.lane('*')))[0] ?? '';
  return { client, keys, lanes, laneKey };
}

describe('a lane', () => {
  it('waits for a job that its API process is about to add, but not for ever', async () => {
    const { client, lanes, laneKey } = rig();
    await lanes.enter([member('run-a'), member('run-b')]);
    await expect(lanes.turn(member('run-b'))).resolves.toBe('busy');
    // The clock is Redis's own: make the entry as old as one of a process that died.
    await client.zincrby(await laneKey(), -31_000_000, 'run-a');
    await expect(lanes.turn(member('run-b'))).resolves.toBe('free');
  });

  it('steps over one that had its turn and is gone', async () => {
    const { client, keys, lanes } = rig();
    await client.hset(keys.job('run-a'), 'data', '{}');
    await lanes.enter([member('run-a'), member('run-b')]);
    await expect(lanes.turn(member('run-a'))).resolves.toBe('free');
    await expect(lanes.turn(member('run-b'))).resolves.toBe('busy');
    await client.del(keys.job('run-a'));
    await expect(lanes.turn(member('run-b'))).resolves.toBe('free');
  });

  it.each(['outcome', 'finishedOn'])(
    'steps over one whose %s was written before its worker died',
    async (field) => {
      const { client, keys, lanes } = rig();
      await client.hset(keys.job('run-a'), 'data', '{}', field, '1');
      await lanes.enter([member('run-a'), member('run-b')]);
      await lanes.turn(member('run-a'));
      await expect(lanes.turn(member('run-b'))).resolves.toBe('free');
    },
  );

  it('keeps its order when the clock of Redis goes back', async () => {
    const { client, keys, lanes, laneKey } = rig();
    await client.hset(keys.job('run-a'), 'data', '{}');
    await lanes.enter([member('run-a')]);
    await client.zincrby(await laneKey(), 3_600_000_000, 'run-a');
    await lanes.enter([member('run-b')]);
    await expect(lanes.turn(member('run-b'))).resolves.toBe('busy');
  });

  it('leaves nothing behind', async () => {
    const { client, keys, lanes } = rig();
    await lanes.enter([member('run-a')]);
    const queue = {
      getBackend: () => {
        throw new Error('There is nobody to promote.');
      },
    };
    await lanes.leave(member('run-a'), queue);
    await lanes.leave(member('run-a'), queue);
    await expect(client.keys(keys.lane('*'))).resolves.toEqual([]);
  });

  it('wakes the first that is still open, and leaves no wake to one that has ended', async () => {
    const { client, keys, lanes } = rig();
    const ids = ['run-a', 'run-b', 'run-c'];
    for (const id of ids) await client.hset(keys.job(id), 'data', '{}');
    await lanes.enter(ids.map(member));
    await lanes.turn(member('run-a'));
    // It was cancelled while it waited, and has not left yet.
    await client.hset(keys.job('run-b'), 'outcome', '{}');
    const queue = {
      getBackend: () => {
        throw new Error('Somebody is promoted.');
      },
    };
    await expect(lanes.leave(member('run-a'), queue)).rejects.toThrow('Somebody');
    await expect(client.keys(keys.wake('*'))).resolves.toEqual([keys.wake('run-c')]);
  });

  it('has a life of its own, should all who are in it vanish', async () => {
    const { client, lanes, laneKey } = rig();
    await lanes.enter([member('run-a')]);
    expect(await client.pttl(await laneKey())).toBeGreaterThan(7 * 86_400_000);
  });
});
