/** Names in Redis are a contract: with other fleets of the same version, with an upgrade, and with whoever looks inside. */

import { expect, it } from 'vitest';
import { runKeys, runsQueue } from '../../src/adapters/bullmq/keys.ts';
import { callbackKeys, callbacksQueue } from '../../src/adapters/callbacks/keys.ts';
import { accountKeys, redisKeys } from '../../src/adapters/redis/keys.ts';
import { toolJobId, toolKeys, toolsQueue } from '../../src/adapters/tools/keys.ts';

it('names what belongs to runs', () => {
  const keys = runKeys('{runfleet}');
  expect(runsQueue).toBe('runs');
  expect(keys.job('run_1')).toBe('{runfleet}:runs:run_1');
  expect(keys.lock('run_1')).toBe('{runfleet}:runs:run_1:lock');
  expect(keys.wake('run_1')).toBe('{runfleet}:wake:run_1');
  expect(keys.provider('default', 'resp_1')).toBe('{runfleet}:provider:default:resp_1');
  expect(keys.unclaimed('default')).toBe('{runfleet}:unclaimed:default');
  expect(keys.foreign('default')).toBe('{runfleet}:foreign:default');
  expect(keys.quarantine('default')).toBe('{runfleet}:quarantine:default');
  expect(keys.request('run_1')).toBe('{runfleet}:request:run_1');
  expect(keys.tools('run_1')).toBe('{runfleet}:tool-calls:run_1');
  expect(keys.lane('digest')).toBe('{runfleet}:lane:digest');
  expect(keys.ownerIndex('ann')).toBe('{runfleet}:index-of:ann');
  expect(keys.owners).toBe('{runfleet}:owners');
  expect(keys.index).toBe('{runfleet}:index');
  expect(keys.statusIndex('assistants', 'in_progress')).toBe('{runfleet}:index:assistants:in_progress');
  expect(keys.finished('completed')).toBe('{runfleet}:runs:completed');
  expect(keys.finished('failed')).toBe('{runfleet}:runs:failed');
});

it('names what belongs to callbacks', () => {
  const keys = callbackKeys('{runfleet}');
  expect(callbacksQueue).toBe('callbacks');
  expect(keys.body('cb_1')).toBe('{runfleet}:callback-body:cb_1');
  expect(keys.dead).toBe('{runfleet}:callbacks:failed');
});

it('names the rest', () => {
  const keys = redisKeys('{runfleet}');
  expect(keys.events).toBe('{runfleet}:events');
  expect(keys.idempotency('digest')).toBe('{runfleet}:idempotency:digest');
  expect(accountKeys('{runfleet}', 'a1')).toEqual({
    pause: '{runfleet}:account:a1:pause',
    pauses: '{runfleet}:account:a1:pauses',
    trouble: '{runfleet}:account:a1:trouble',
    pacing: '{runfleet}:account:a1:pacing',
  });
});

it('names what belongs to tool calls', () => {
  const keys = toolKeys('{runfleet}');
  const id = toolJobId({ runId: 'run_1', round: 2, toolCallId: 'call:1' });
  expect(toolsQueue).toBe('tools');
  expect(id).toMatch(/^run_1_2_[0-9a-f]{16}$/);
  expect(keys.job(id)).toBe(`{runfleet}:tools:${id}`);
  expect(keys.events).toBe('{runfleet}:tools:events');
  expect(keys.withdrawals).toBe('{runfleet}:tool-withdrawals');
  expect(keys.workers).toBe('{runfleet}:tool-workers');
  expect(keys.served).toBe('{runfleet}:tools-served');
});

it('keeps every name in one slot of a cluster', () => {
  const names = [
    ...[runKeys('{a.b}')].flatMap((keys) => [
      keys.job('x'),
      keys.lock('x'),
      keys.wake('x'),
      keys.provider('x', 'y'),
      keys.unclaimed('x'),
      keys.foreign('x'),
      keys.quarantine('x'),
      keys.request('x'),
      keys.tools('x'),
      keys.lane('x'),
      keys.ownerIndex('x'),
      keys.owners,
      keys.index,
      keys.statusIndex('responses', 'queued'),
      keys.finished('failed'),
    ]),
    ...[redisKeys('{a.b}')].flatMap((keys) => [keys.events, keys.idempotency('x')]),
    ...Object.values(accountKeys('{a.b}', 'a1')),
  ];
  for (const name of names) expect(name).toMatch(/^\{a\.b\}:[^{}]+$/);
  expect(new Set(names).size).toBe(names.length);
});
