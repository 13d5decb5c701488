/** `kill -9` at every point again, of lives that others take part in: callbacks, webhooks, a pool of accounts, a stream. */

import { describe, expect } from 'vitest';
import { StreamHolder } from '../../../src/app/stream-holder.ts';
import { submitToolOutputs } from '../../../src/app/submit-tool-outputs.ts';
import { aFault, over, running, seconds } from '../../support/fakes/builders.ts';
import { FakeWorld } from '../../support/fakes/index.ts';
import { describeKills, id, type Life, type Scenario } from '../../support/fakes/killed-lives.ts';
import { ended, StreamedWorld, text } from '../../support/fakes/streamed-world.ts';
import { TwoAccounts } from '../../support/fakes/two-accounts.ts';

const callback = { url: 'https://example.com/hook' };
const thread = { kind: 'assistants', request: { assistant_id: 'asst_1', thread_id: 'thread_1' } } as const;
const toolCalls = ['c1', 'c2'].map((call) => ({ id: call, name: 'add', arguments: '{}' }));

const idsOf = ({ world }: Life): string[] => [...world.callbacks.sent.keys()];

describe('callbacks: one for each news', () => {
  const scenarios: readonly Scenario[] = [
    {
      name: 'of a response that completes',
      data: { callback },
      also: (life) => expect(idsOf(life)).toEqual(['cb_run-1_ended']),
    },
    {
      name: 'of a run of a thread that fails',
      data: { ...thread, callback },
      set: ({ assistants }) => assistants.script(id, running(), over('failed')),
      also: (life) => expect(idsOf(life)).toEqual(['cb_run-1_ended']),
    },
    {
      name: 'of a response whose caller runs its tools',
      data: { tools: { mode: 'manual' }, callback },
      set: ({ responses }) =>
        responses.script(id, running('queued'), over('completed', { toolCalls }), running(), over()),
      meanwhile: answerAsCaller,
      also: (life) => {
        const answered = life.world.responses.submissions.length;
        // It asks once; and it has asked before it was answered.
        const asked = idsOf(life).filter((each) => each.includes('_action_'));
        expect(asked.length).toBeLessThanOrEqual(1);
        expect(asked.length).toBeGreaterThanOrEqual(answered);
        expect(idsOf(life)).toEqual([...asked, 'cb_run-1_ended']);
      },
    },
  ];
  for (const scenario of scenarios) describeKills(scenario, () => new FakeWorld());
});

/** As soon as it is asked. */
async function answerAsCaller(world: FakeWorld): Promise<void> {
  const asked = world.callbacks.tries.some(({ type }) => type === 'run.requires_action');
  const record = await world.store.get(id);
  if (!asked || record?.outcome !== null || record.state.phase !== 'following') return;
  if (record.state.status !== 'requires_action') return;
  const outputs = toolCalls.map((call) => ({ tool_call_id: call.id, output: '4' }));
  const { store, answers, clock, deps } = world;
  await submitToolOutputs({ store, answers, clock, kinds: deps.kinds }, id, { tool_outputs: outputs });
}

/** A fleet whose provider has been told of a webhook, and sends it once, as soon as there is a run. */
class WebhookWorld extends FakeWorld {
  isTold = false;

  async sendWebhook(): Promise<void> {
    const started = this.responses.idOf(id);
    if (this.isTold || started === null) return;
    this.isTold = true;
    const record = await this.store.get(id);
    const isKnown = record !== null && 'providerRunId' in record.state;
    if (!isKnown) this.store.unclaimed.push(started);
    await this.store.wake(id, 'webhook');
  }
}

const adopted = ({ world, state, record }: Life): void => {
  // Whatever was created is found: nothing stays in doubt.
  if (world.startedFor(id) === 0) return;
  expect(record.outcome?.status).toBe('completed');
  expect(state).toMatchObject({ providerRunId: world.responses.idOf(id) });
};

const loseReply = ({ responses }: FakeWorld): void =>
  responses.failNext('create', aFault('unclear'), { processed: true });

describe('a response whose create is not answered, and whose webhook comes', () => {
  const scenarios: readonly Scenario<WebhookWorld>[] = [
    {
      name: 'is adopted',
      data: {},
      set: loseReply,
      meanwhile: (world) => world.sendWebhook(),
      also: adopted,
    },
    {
      name: 'is adopted after somebody else’s was looked at',
      data: {},
      async set(world) {
        const { providerRunId } = await world.responses.create({ model: 'gpt-5' }, 'run-of-others');
        world.store.unclaimed.push(providerRunId);
        loseReply(world);
      },
      meanwhile: (world) => world.sendWebhook(),
      also: adopted,
    },
    {
      name: 'is adopted, though it may be created twice',
      data: { on_ambiguous: 'retry' },
      set: loseReply,
      meanwhile: (world) => world.sendWebhook(),
      also: ({ world, record }) => {
        expect(record.outcome?.status).toBe('completed');
        expect(world.startedFor(id)).toBe(1);
      },
    },
  ];
  for (const scenario of scenarios) describeKills(scenario, () => new WebhookWorld());
});

const onOne = ({ world, state }: Life<TwoAccounts>): void => {
  const counts = [world.responses, world.euResponses].map((provider) => provider.startedFor(id));
  // Whoever has it is who is asked.
  if (counts[1] === 1) expect(state.account).toBe('eu');
  if (counts[0] === 1) expect(state.account).toBe('default');
};

describe('a run of a pool', () => {
  const data = { account: 'any' };
  const scenarios: readonly Scenario<TwoAccounts>[] = [
    { name: 'goes to the first', data, also: onOne },
    {
      name: 'goes to the second, since the first is paused',
      data,
      set: ({ gate, clock }) => gate.denyNext(clock.nowMs() + seconds(3600), 'paused'),
      also: onOne,
    },
    {
      name: 'leaves its place at the first for the second',
      data,
      set({ gate, clock }) {
        gate.denyNext(clock.nowMs() + seconds(5), 'quota', 'place 1');
        gate.denyNext(clock.nowMs() + seconds(3600), 'paused');
      },
      also: onOne,
    },
    {
      name: 'is taken to the second, since the first refuses its key',
      data,
      set: ({ responses }) => responses.failNext('create', aFault('unauthorized')),
      also: onOne,
    },
    {
      name: 'whose create reply is lost stays where it may be',
      data: { ...data, on_ambiguous: 'retry' },
      set: ({ responses }) => responses.failNext('create', aFault('unclear'), { processed: true }),
      mostStarted: 2,
      also: ({ world }) => {
        const places = [world.responses, world.euResponses].filter((one) => one.startedFor(id) > 0);
        expect(places.length).toBeLessThanOrEqual(1);
      },
    },
  ];
  for (const scenario of scenarios) describeKills(scenario, () => new TwoAccounts());
});

const whole = ({ world, record, deaths }: Life<StreamedWorld>): void => {
  if (deaths === 0) expect(record.outcome?.foundBy).toBe('stream');
  const told = world.ledger.textOf(id);
  expect('Hello yourself.'.startsWith(told)).toBe(true);
  if (record.outcome?.foundBy === 'stream') expect(told).toBe('Hello yourself.');
};

describe('a streamed response', () => {
  const data = { follow: 'stream' } as const;
  let readers = 0;
  const memory: Scenario<StreamedWorld>['memory'] = (world, process) => ({
    streams: new StreamHolder({
      ledger: process.touching(world.ledger),
      store: process.touching(world.store),
      clock: world.clock,
      telemetry: world.telemetry,
      readerId: `reader-${(readers += 1)}`,
      limit: 10,
      idleMs: seconds(60),
    }),
  });
  const scenarios: readonly Scenario<StreamedWorld>[] = [
    {
      name: 'is read to its end',
      data,
      memory,
      meanwhile: (world) =>
        world.sayOnce(
          { type: 'status', seq: 1, status: 'in_progress' },
          text(2, 'Hello '),
          text(3, 'yourself.'),
          ended(4, 'Hello yourself.'),
        ),
      also: whole,
    },
  ];
  for (const scenario of scenarios) describeKills(scenario, () => StreamedWorld.start());
});
