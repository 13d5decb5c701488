/** Streamed runs that ask for tools: what goes on as another response is streamed as well. */

import { beforeEach, describe, expect, it } from 'vitest';
import { answerTool } from '../../../src/app/answer-tool.ts';
import { type RunNews, runEvents } from '../../../src/app/run-events.ts';
import { ProviderFault } from '../../../src/domain/fault.ts';
import { aFault, over, running, seconds } from '../../support/fakes/builders.ts';
import { eventually } from '../../support/fakes/eventually.ts';
import { ended, StreamedWorld, text } from '../../support/fakes/streamed-world.ts';

const toolCalls = [{ id: 'c1', name: 'add', arguments: '{}' }];
const asks = over('completed', { toolCalls, output: { text: 'Let me see. ', items: [] } });
const answer = over('completed', { output: { text: 'It is four.', items: [] } });

let world: StreamedWorld;
beforeEach(async () => {
  world = await StreamedWorld.start({ tools: { mode: 'queue' } });
  world.responses.script('run-1', running('queued'), asks, running('queued'), answer);
});

async function answerTools(): Promise<void> {
  const call = { runId: 'run-1', round: 1, toolCallId: 'c1', startedAtMs: null, endedAtMs: 1 };
  await answerTool({ answers: world.answers, store: world.store }, { ...call, answer: { output: '4' } });
}

/** The first response has said something, and asked. */
async function untilAsking(): Promise<void> {
  await world.take();
  // So far is it at the provider too.
  await world.responses.retrieve({ providerRunId: 'prov-1', threadId: null });
  world.streaming.last.send(text(5, 'Let me '), text(6, 'see. '), {
    type: 'ended',
    seq: 7,
    snapshot: { ...asks, providerRunId: 'prov-1' },
  });
  await world.takeWhenWoken();
  await answerTools();
}

function follow() {
  const seen: RunNews[] = [];
  const { store, events, ledger: output } = world;
  const done = (async () => {
    const deps = { store, events, output };
    for await (const news of runEvents(deps, 'run-1', null, new AbortController().signal)) seen.push(news);
  })();
  return { done, textSeen: () => seen.map((news) => (news.type === 'output' ? news.text : '')).join('') };
}

const flushed = (said: string): Promise<void> =>
  eventually(async () => {
    await world.here.holder.flush();
    expect(world.ledger.textOf('run-1')).toBe(said);
  });

describe('a streamed run that asks for tools', () => {
  it('costs one call a round, and tells the text of all its responses', async () => {
    const { done, textSeen } = follow();
    await untilAsking();
    await world.takeWhenWoken();
    expect(world.here.holder.open).toBe(1);
    // Numbered from the first again.
    world.streaming.last.send(text(1, 'It is '), text(2, 'four.'), ended(3, 'It is four.', 'prov-2'));
    await expect(world.takeWhenWoken()).resolves.toMatchObject({
      type: 'ended',
      state: { calls: { create: 1, submit: 1, retrieve: 0 } },
      outcome: { foundBy: 'stream', output: { text: 'It is four.' } },
    });
    await done;
    expect(textSeen()).toBe('Let me see. It is four.');
    await expect(world.ledger.view('run-1')).resolves.toMatchObject({ end: null });
  });

  it('goes on in another process with the events of its second response', async () => {
    await untilAsking();
    await world.takeWhenWoken();
    world.streaming.last.send(text(1, 'It '));
    await flushed('Let me see. It ');
    const there = world.aProcess('there');
    world.clock.advance(seconds(20));
    await world.takeWhenDue(there);
    expect(world.streaming.resumedAfter).toEqual([1]);
    world.streaming.last.send(text(2, 'is four.'), ended(3, 'It is four.', 'prov-2'));
    await expect(world.takeWhenWoken(there)).resolves.toMatchObject({ type: 'ended' });
    expect(world.ledger.textOf('run-1')).toBe('Let me see. It is four.');
  });

  it('begins with the first event where the reader of its second response died before it told any', async () => {
    await untilAsking();
    await world.takeWhenWoken();
    const there = world.aProcess('there');
    world.clock.advance(seconds(20));
    await world.takeWhenDue(there);
    expect(world.streaming.resumedAfter).toEqual([-1]);
  });

  it('tells the rest of its last answer where that was looked at in the end', async () => {
    const { done, textSeen } = follow();
    await untilAsking();
    await world.takeWhenWoken();
    world.streaming.last.send(text(1, 'It is '));
    world.streaming.resumeFault = new ProviderFault(aFault('refused'));
    world.streaming.last.break();
    await world.takeWhenWoken();
    while ((await world.store.get('run-1'))?.outcome === null) await world.takeWhenDue();
    await done;
    expect(textSeen()).toBe('Let me see. It is four.');
  });

  it('is looked at from then on where there is no room', async () => {
    await untilAsking();
    const full = world.aProcess('full', 0);
    await world.takeWhenWoken(full);
    expect(full.holder.open).toBe(0);
    expect(world.telemetry.streams).toEqual(['ended', 'refused']);
    while ((await world.store.get('run-1'))?.outcome === null) await world.takeWhenDue(full);
    await expect(world.store.get('run-1')).resolves.toMatchObject({ outcome: { foundBy: 'poll' } });
    await expect(world.ledger.view('run-1')).resolves.toMatchObject({ end: null });
  });

  it('is looked at while another process still reads the response that asked', async () => {
    await world.take();
    // Its end is told by a webhook, and not by its stream.
    await world.store.wake('run-1', 'webhook');
    await world.take();
    world.clock.advance(seconds(3));
    await world.here.holder.renew();
    await world.take();
    await answerTools();
    const there = world.aProcess('there');
    await world.takeWhenWoken(there);
    expect(there.holder.open).toBe(0);
    expect(world.streaming.last.closed).toBe(true);
    while ((await world.store.get('run-1'))?.outcome === null) await world.takeWhenDue(there);
    await expect(world.store.get('run-1')).resolves.toMatchObject({
      outcome: { foundBy: 'poll', output: { text: 'It is four.' } },
    });
  });
});
