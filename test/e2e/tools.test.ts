/** Processes that serve tools: killed, told to go, and told that nobody waits any more. */

import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Fleet, simulated } from '../support/fleet.ts';
import { fileLifetime, runfleet } from '../support/processes.ts';
import { useRedis } from '../support/redis.ts';
import { type Effect, readEffects } from '../support/tool-effects.ts';
import { lastingKeys } from '../support/lasting-keys.ts';

const redis = useRedis();
const owner = fileLifetime();

type Fate = Readonly<Record<string, string | number>>;

const tools = { mode: 'queue' } as const;

function aResponse(fate: Fate, name = 'simulated_tool') {
  const offered = [{ type: 'function', name, parameters: { type: 'object' } }];
  const request = { model: 'gpt-5', input: 'Hello', tools: offered, metadata: simulated(fate) };
  return { kind: 'responses', request, tools } as const;
}

function anAssistantsRun(fate: Fate, name = 'simulated_tool') {
  const offered = [{ type: 'function', function: { name, parameters: { type: 'object' } } }];
  const thread = { messages: [{ role: 'user', content: 'Hello' }] };
  const request = { assistant_id: 'asst_1', thread, tools: offered, metadata: simulated(fate) };
  return { kind: 'assistants', request, tools } as const;
}

const count = (effects: readonly Effect[], what: Effect['what']): number =>
  effects.filter((effect) => effect.what === what).length;

describe.concurrent('tools processes', () => {
  it('answer 8 calls at a time, each once, but for those of a worker that was killed', async (test) => {
    const fleet = await Fleet.start(test, { redis, env: { TEST_TOOL_MS: '1500' } });
    const processes = await Promise.all([fleet.addTools(), fleet.addTools(), fleet.addTools()]);
    const fate = { duration_ms: 200, tool_rounds: 2, tool_calls: 8 };
    const accepted = await Promise.all(
      [aResponse, anAssistantsRun, aResponse, anAssistantsRun].map((input) =>
        fleet.client.runs.create(input(fate)),
      ),
    );
    const effects = () => readEffects(redis.client, fleet.prefix);
    const [victim] = processes;
    await eventually('the victim to have calls in hand', effects, (seen) => {
      const own = seen.filter(({ pid }) => pid === victim.pid);
      return count(own, 'started') > count(own, 'done');
    });
    await victim.kill();
    const killedAtMs = Date.now();

    const ended = await Promise.all(accepted.map(({ id }) => fleet.client.runs.wait(id)));

    expect(ended.map(({ status }) => status)).toEqual(Array(4).fill('completed'));
    // One submit a round: a thread's run is answered, a response is followed by another.
    const submits = ended.map(({ calls: { create, submit } }) => create + submit);
    expect(submits).toEqual(Array(4).fill(3));
    const done = await effects();
    const byCall = Map.groupBy(done, ({ toolCallId }) => toolCallId);
    expect(byCall.size).toBe(4 * 2 * 8);
    // A call of which the victim left no output was run again, by one other; every other call was run once.
    const lives = [...byCall.values()].map((own) => {
      const others = own.filter(({ pid }) => pid !== victim.pid);
      return (others.length > 0 ? others : own).map(({ what }) => what);
    });
    expect(lives).toEqual(Array.from(lives, () => ['started', 'done']));
    expect(done.some(({ pid }) => pid === victim.pid)).toBe(true);
    const takenOver = [...byCall.values()].filter((own) => new Set(own.map(({ pid }) => pid)).size > 1);
    const restartedAtMs = takenOver.flat().flatMap(({ pid, atMs }) => (pid === victim.pid ? [] : [atMs]));
    expect(Math.max(0, ...restartedAtMs) - killedAtMs).toBeLessThan(10_000 + 1500);
    await eventually(
      'no job to be left',
      () => lastingKeys(redis.client, `${fleet.prefix}:tools:*_*`),
      (keys) => keys.length === 0,
    );
  });

  it('hear that a run was cancelled', async (test) => {
    const fleet = await Fleet.start(test, { redis });
    await fleet.addTools();
    const run = await fleet.client.runs.create(aResponse({ duration_ms: 100, tool_rounds: 1 }, 'approve'));
    const effects = () => readEffects(redis.client, fleet.prefix);
    await eventually('the tool to be asked', effects, (seen) => count(seen, 'started') === 1);
    await fleet.client.runs.cancel(run.id);
    await eventually('the handler to be told', effects, (seen) => count(seen, 'aborted') === 1);
    expect(await fleet.client.runs.wait(run.id)).toMatchObject({ status: 'cancelled' });
  });

  it('are not taken for dead while a handler blocks their event loop', async (test) => {
    const fleet = await Fleet.start(test, { redis });
    await Promise.all([fleet.addTools(), fleet.addTools()]);
    const run = await fleet.client.runs.create(aResponse({ duration_ms: 100, tool_rounds: 1 }, 'block'));
    expect(await fleet.client.runs.wait(run.id)).toMatchObject({ status: 'completed', calls: { submit: 1 } });
    const effects = await readEffects(redis.client, fleet.prefix);
    expect(effects.map(({ what }) => what)).toEqual(['started', 'done']);
  });

  it('finish what they have in hand when they are told to go', async (test) => {
    const fleet = await Fleet.start(test, { redis, env: { TEST_TOOL_MS: '1000' } });
    const leaving = await fleet.addTools();
    const run = await fleet.client.runs.create(anAssistantsRun({ duration_ms: 100, tool_rounds: 1 }));
    const effects = () => readEffects(redis.client, fleet.prefix);
    await eventually('the tool to be asked', effects, (seen) => count(seen, 'started') === 1);
    leaving.signal('SIGTERM');
    expect(await leaving.exited).toEqual({ code: 0, signal: null });
    expect(await fleet.client.runs.wait(run.id)).toMatchObject({ status: 'completed' });
    expect(count(await effects(), 'started')).toBe(1);
  });
});

describe('a tools process that cannot start', () => {
  it.each([
    [{}, ['REDIS_URL', 'RUNFLEET_TOOLS_MODULE']],
    [{ REDIS_URL: 'redis://127.0.0.1:1', RUNFLEET_TOOLS_MODULE: './missing.ts' }, ['cannot be loaded']],
    [
      { REDIS_URL: 'redis://127.0.0.1:1', RUNFLEET_TOOLS_MODULE: './vitest.config.ts' },
      ['is no module of tools', 'handler'],
    ],
  ])('says why: %#', async (env, words) => {
    const { code, stderr } = await runfleet(owner, ['tools'], env);
    expect(code).toBe(1);
    for (const word of words) expect(stderr).toContain(word);
  });
});
