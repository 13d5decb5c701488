/** Tool calls that are unlike the others, over the queue `tools`. */

import { expect, it } from 'vitest';
import type { ToolContext } from '../../src/adapters/tools/tool.ts';
import { eventually } from '../support/eventually.ts';
import { useRedis } from '../support/redis.ts';
import { aToolCall, ToolQueue } from '../support/tool-queue.ts';

const redis = useRedis();

const echo = { handler: (args: unknown) => args };

async function answered(tools: ToolQueue) {
  return await eventually(
    'an answer',
    () => tools.answers,
    (seen) => seen.length > 0,
  );
}

it.each(['constructor', '__proto__', 'toString', 'ä'.repeat(100), ''])(
  'knows no tool “%s” that nobody serves',
  async (name) => {
    await using tools = new ToolQueue(redis.url, redis.prefix());
    await tools.serve({ echo });
    tools.watch();
    await tools.dispatcher.dispatch([aToolCall({ name })]);
    const [answer] = await answered(tools);
    expect(answer?.answer).toMatchObject({ error: { code: 'unknown_tool' } });
  },
);

it('carries arguments of a megabyte, and an output that is empty', async () => {
  await using tools = new ToolQueue(redis.url, redis.prefix());
  const seen: unknown[] = [];
  const empty = { handler: (args: unknown) => (seen.push(args), '') };
  await tools.serve({ empty });
  tools.watch();
  const text = 'x'.repeat(1_000_000);
  await tools.dispatcher.dispatch([aToolCall({ name: 'empty', arguments: JSON.stringify({ text }) })]);
  const [answer] = await answered(tools);
  expect(answer?.answer).toEqual({ output: '' });
  expect(seen).toEqual([{ text }]);
});

it('takes the calls of urgent runs first', async () => {
  await using tools = new ToolQueue(redis.url, redis.prefix());
  const started: string[] = [];
  const tool = { handler: (_args: unknown, { toolCallId }: ToolContext) => (started.push(toolCallId), '') };
  const priorities = { later: 7, sooner: 2, first: 0 };
  await tools.dispatcher.dispatch(
    Object.entries(priorities).map(([toolCallId, priority]) => aToolCall({ toolCallId, priority })),
  );
  await tools.serve({ echo: tool });
  await eventually(
    'all to be taken up',
    () => started,
    (seen) => seen.length === 3,
  );
  expect(started).toEqual(['first', 'sooner', 'later']);
});
