/** What the subscribers of a streamed run get. */

import { beforeEach, describe, expect, it } from 'vitest';
import { type RunNews, runEvents } from '../../../src/app/run-events.ts';
import { ProviderFault } from '../../../src/domain/fault.ts';
import { aFault } from '../../support/fakes/builders.ts';
import { eventually } from '../../support/fakes/eventually.ts';
import { ended, StreamedWorld, text } from '../../support/fakes/streamed-world.ts';

let world: StreamedWorld;
beforeEach(async () => {
  world = await StreamedWorld.start();
});

function follow(from: Parameters<typeof runEvents>[2] = null) {
  const seen: RunNews[] = [];
  const done = (async () => {
    const { store, events, ledger: output } = world;
    const deps = { store, events, output };
    for await (const news of runEvents(deps, 'run-1', from, new AbortController().signal)) seen.push(news);
  })();
  const textSeen = (): string => seen.map((news) => (news.type === 'output' ? news.text : '')).join('');
  return { seen, done, textSeen };
}

describe('the subscribers of a streamed run', () => {
  it('get each character once, before and after the end', async () => {
    const early = follow();
    await world.take();
    world.streaming.last.send(text(1, 'Hello '));
    await eventually(async () => {
      await world.here.holder.flush();
      expect(early.textSeen()).toBe('Hello ');
    });
    const late = follow();
    const back = follow({ offset: 3, status: 'queued', done: false });
    await eventually(() => expect(back.textSeen()).toBe('lo '));
    world.ledger.gap();
    world.streaming.last.send(text(2, 'yourself.'), ended(3, 'Hello yourself.'));
    await world.takeWhenWoken();
    await Promise.all([early.done, late.done, back.done]);
    expect([early.textSeen(), late.textSeen(), back.textSeen()]).toEqual([
      'Hello yourself.',
      'Hello yourself.',
      'lo yourself.',
    ]);
    expect(early.seen.map(({ type }) => type)).toEqual([
      'open',
      'status',
      'status',
      'output',
      'output',
      'done',
    ]);
    expect(world.ledger.listenerCount('run-1')).toBe(0);
  });

  it('get the rest from the run itself, where it was looked at in the end', async () => {
    await world.take();
    world.streaming.last.send(text(1, 'Hello '));
    world.streaming.resumeFault = new ProviderFault(aFault('refused'));
    world.streaming.last.break();
    const { done, textSeen } = follow();
    await world.takeWhenWoken();
    for (let turn = 0; (await world.store.get('run-1'))?.outcome === null && turn < 9; turn += 1)
      await world.takeWhenDue();
    await done;
    const output = (await world.store.get('run-1'))?.outcome?.output?.text;
    expect(textSeen().length).toBe(output?.length);
  });
});
