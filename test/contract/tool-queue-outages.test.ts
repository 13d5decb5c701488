/** Who runs a tool call when its worker is cut off from Redis, or stands still. */

import { expect, it, vi } from 'vitest';
import { toolJobId } from '../../src/adapters/tools/keys.ts';
import { claimCall } from '../../src/adapters/tools/scripts.ts';
import { eventually } from '../support/eventually.ts';
import { useRedis } from '../support/redis.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { aToolCall, answered, gate, ToolQueue } from '../support/tool-queue.ts';

const redis = useRedis();

it('does not run a call again because Redis was away for longer than the lock', async () => {
  await using wire = await TcpProxy.to(redis.port);
  await using tools = new ToolQueue(redis.url, redis.prefix());
  const { tool, started, open } = gate();
  await tools.serve({ echo: tool }, wire.redisUrl);
  await tools.serve({ echo: tool }, wire.redisUrl);
  tools.watch();
  const calls = Array.from({ length: 4 }, (_, at) => aToolCall({ toolCallId: `call-${at}` }));
  await tools.dispatcher.dispatch(calls);
  await eventually(
    'all to be taken up',
    () => started.length,
    (count) => count === 4,
  );
  await wire.cut();
  await tools.allGivenUp();
  await wire.restore();
  await eventually(
    'the jobs to be taken from their workers',
    () => tools.client.hmget(tools.keys.job(toolJobId(calls[0] ?? aToolCall())), 'stc'),
    ([stalls]) => Number(stalls) > 0,
  );
  open();
  await answered(tools, 4);
  expect(started).toHaveLength(4);
});

it('does not start a call that was given to others while its worker stood still', async () => {
  await using wire = await TcpProxy.to(redis.port);
  await using tools = new ToolQueue(redis.url, redis.prefix());
  const { tool, started, open } = gate();
  open();
  // Between what it was told and what it does about it.
  const standing = Promise.withResolvers<void>();
  const run = claimCall.run.bind(claimCall);
  using claim = vi.spyOn(claimCall, 'run').mockImplementationOnce(async (...args) => {
    const reply = await run(...args);
    await standing.promise;
    return reply;
  });
  await tools.serve({ echo: tool }, wire.redisUrl);
  tools.watch();
  await tools.dispatcher.dispatch([aToolCall()]);
  await eventually(
    'the call to be claimed',
    () => tools.client.hget(tools.keys.job(toolJobId(aToolCall())), 'owner'),
    (owner) => owner !== null,
  );
  await wire.cut();
  await tools.allGivenUp();
  await tools.serve({ echo: tool });
  await answered(tools);
  expect(started).toHaveLength(1);

  const claims = claim.mock.calls.length;
  await wire.restore();
  standing.resolve();
  await eventually(
    'it to ask again',
    () => claim.mock.settledResults.length,
    (count) => count > claims,
  );
  await eventually(
    'nothing in hand',
    () => tools.queue.getActiveCount(),
    (active) => active === 0,
  );
  expect(started).toHaveLength(1);
});
