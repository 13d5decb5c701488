/** Streams that break, fall silent, or never were: what becomes of their runs. */

import { beforeEach, describe, expect, it, vi } from 'vitest';
import { ProviderFault } from '../../../src/domain/fault.ts';
import { aFault, over, running, seconds } from '../../support/fakes/builders.ts';
import { eventually } from '../../support/fakes/eventually.ts';
import { ended, StreamedWorld, text } from '../../support/fakes/streamed-world.ts';

let world: StreamedWorld;
beforeEach(async () => {
  world = await StreamedWorld.start();
});

describe('a streamed run', () => {
  it('is given time when its connection breaks again and again, and is looked at in the end', async () => {
    const looks = Array.from({ length: 10 }, () => running('in_progress'));
    world.responses.script('run-1', running('queued'), ...looks, over());
    await world.take();
    for (let turn = 0; turn < 40 && (await world.store.get('run-1'))?.outcome === null; turn += 1) {
      world.clock.advance(1);
      world.streaming.last.break();
      await eventually(() => expect(world.here.holder.open).toBe(0));
      await world.takeWhenDue();
    }
    await expect(world.store.get('run-1')).resolves.toMatchObject({
      outcome: { status: 'completed', foundBy: 'poll' },
    });
    expect(world.streaming.resumedAfter).toHaveLength(10);
  });

  it('leaves its claim to others, though all claims are renewed while it is given up', async () => {
    await world.take();
    const finish = world.ledger.finish.bind(world.ledger);
    vi.spyOn(world.ledger, 'finish').mockImplementation(async (...args) => {
      const kept = await finish(...args);
      // Before this process has heard that the claim is gone.
      await world.here.holder.renew();
      return kept;
    });
    world.streaming.last.send(text(0, 'Hi.'), ended(1, 'Hi.'));
    await eventually(() => expect(world.here.holder.open).toBe(0));
    await expect(world.ledger.view('run-1')).resolves.toMatchObject({ held: false });
  });

  it('is looked at once its stream tells nothing any more: it may never tell of the end', async () => {
    await world.take();
    world.streaming.last.send(text(0, 'Hi.'));
    world.streaming.last.end();
    await world.takeWhenWoken();
    expect(world.streaming.resumedAfter).toEqual([0]);
    world.streaming.last.end();
    await eventually(() => expect(world.here.holder.open).toBe(0));
    await world.takeWhenDue();
    await world.takeWhenDue();
    expect(world.streaming.resumedAfter).toEqual([0, 0]);
    world.streaming.last.end();
    await expect(world.takeWhenWoken()).resolves.toMatchObject({
      outcome: { status: 'completed', foundBy: 'poll' },
      state: { calls: { create: 1, retrieve: 3 } },
    });
  });

  it('is opened again after a look that found it still going', async () => {
    world.responses.script('run-1', running('queued'), running('in_progress'), over());
    await world.take();
    world.streaming.last.break();
    await world.takeWhenWoken();
    world.clock.advance(seconds(20));
    world.streaming.last.break();
    await world.takeWhenWoken();
    expect(world.streaming.resumedAfter).toHaveLength(2);
    await expect(world.store.get('run-1')).resolves.toMatchObject({ state: { calls: { retrieve: 3 } } });
    world.streaming.last.send(ended(1, 'Hi.'));
    await expect(world.takeWhenWoken()).resolves.toMatchObject({ outcome: { foundBy: 'stream' } });
  });

  it.each(['refused', 'not_found'] as const)('is looked at when its stream is %s', async (type) => {
    await world.take();
    world.streaming.resumeFault = new ProviderFault(aFault(type));
    world.streaming.last.break();
    await expect(world.takeWhenWoken()).resolves.toMatchObject({ outcome: { status: 'completed' } });
  });

  it('is looked at soon when its stream cannot be opened again: nobody reads it', async () => {
    await world.take();
    world.streaming.resumeFault = new ProviderFault(aFault('unavailable'));
    world.streaming.last.break();
    await world.takeWhenWoken();
    await expect(world.ledger.view('run-1')).resolves.toMatchObject({ held: false });
    const brokeAtMs = world.clock.nowMs();
    await expect(world.takeWhenDue()).resolves.toMatchObject({ outcome: { status: 'completed' } });
    expect(world.clock.nowMs() - brokeAtMs).toBeLessThan(seconds(5));
  });

  it('is looked at when its create is answered without a stream', async () => {
    world.streaming.isPlain = true;
    await world.take();
    expect(world.telemetry.streams).toEqual(['refused']);
    await world.takeWhenDue();
    await expect(world.store.get('run-1')).resolves.toMatchObject({ outcome: { foundBy: 'poll' } });
    expect(world.streaming.resumedAfter).toEqual([]);
  });

  it('is told whole where the provider cuts within a character', async () => {
    await world.take();
    const [high = '', low = ''] = '🦊'.split('');
    world.streaming.last.send(text(5, `A ${high}`), text(6, `${low} and `), text(7, `a ${high}`));
    await eventually(async () => {
      await world.here.holder.flush();
      expect(world.ledger.textOf('run-1')).not.toBe('');
    });
    world.streaming.last.break();
    await world.takeWhenWoken();
    // The event that ends within a character is told again.
    expect(world.streaming.resumedAfter).toEqual([6]);
    expect(world.ledger.textOf('run-1')).toBe('A 🦊 and ');
  });
});
