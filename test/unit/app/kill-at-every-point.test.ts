/** `kill -9` before and after each effect of a run's whole life, once and twice: nothing is lost or done twice unnoticed. */

import { aFault, over, running } from '../../support/fakes/builders.ts';
import { FakeWorld } from '../../support/fakes/index.ts';
import { describeKills, id, type Scenario } from '../../support/fakes/killed-lives.ts';

const thread = { kind: 'assistants', request: { assistant_id: 'asst_1', thread_id: 'thread_1' } } as const;
const separately = [running('queued'), running(), over('completed', { output: 'separate' })];

const toolCalls = ['c1', 'c2'].map((call) => ({ id: call, name: 'add', arguments: '{}' }));
const tools = { mode: 'queue' } as const;

const scenarios: readonly Scenario[] = [
  { name: 'a response', data: {} },
  { name: 'a response in a lane', data: { lane: 'customer-42' } },
  {
    name: 'a response that fails',
    data: {},
    set: ({ responses }) => responses.script(id, running(), over('failed')),
  },
  { name: 'a response that may be created twice', data: { on_ambiguous: 'retry' } },
  {
    name: 'a response whose create is throttled, and whose create reply is lost then',
    data: {},
    set: ({ responses }) => {
      responses.failNext('create', aFault('throttled'));
      responses.failNext('create', aFault('unclear'), { processed: true });
    },
  },
  {
    name: 'a response that is cancelled',
    data: {},
    cancelAfterSteps: 1,
    set: ({ responses }) => responses.script(id, running()),
  },
  { name: 'a run of a thread', data: thread, set: ({ assistants }) => assistants.script(id, ...separately) },
  {
    name: 'a run of a thread whose create reply is lost',
    data: thread,
    set: ({ assistants }) => {
      assistants.script(id, ...separately);
      assistants.failNext('create', aFault('unclear'), { processed: true });
    },
  },
  {
    name: 'a response with tools',
    data: { tools },
    set: ({ responses }) =>
      responses.script(id, running('queued'), over('completed', { toolCalls }), running(), over()),
  },
  {
    name: 'a run of a thread with tools',
    data: { ...thread, tools },
    set: ({ assistants }) =>
      assistants.script(id, running('queued'), running('requires_action', { toolCalls }), running(), over()),
  },
  {
    name: 'a run of a thread with tools whose submit reply is lost',
    data: { ...thread, tools },
    set: ({ assistants }) => {
      assistants.script(id, running('queued'), running('requires_action', { toolCalls }), running(), over());
      assistants.failNext('submit', aFault('unclear'), { processed: true });
    },
  },
  {
    name: 'a run of a thread that is cancelled',
    data: thread,
    cancelAfterSteps: 1,
    set: ({ assistants }) => assistants.script(id, running()),
  },
];

for (const scenario of scenarios) describeKills(scenario, () => new FakeWorld());
