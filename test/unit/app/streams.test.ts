/** Streamed runs, step by step: the holder, the ledger and the run's own steps together. */

import { beforeEach, describe, expect, it } from 'vitest';
import { advance } from '../../../src/app/advance.ts';
import { StoreUnavailableError } from '../../../src/domain/errors.ts';
import { aFault, seconds } from '../../support/fakes/builders.ts';
import { eventually } from '../../support/fakes/eventually.ts';
import { ended, StreamedWorld, text } from '../../support/fakes/streamed-world.ts';

let world: StreamedWorld;
beforeEach(async () => {
  world = await StreamedWorld.start();
});

describe('a streamed run', () => {
  it('costs one call, and ends with the last event', async () => {
    await world.take();
    expect(world.here.holder.open).toBe(1);
    world.clock.advance(seconds(3));
    world.streaming.last.send({ type: 'status', seq: 1, status: 'in_progress' });
    await world.takeWhenWoken();
    await expect(world.store.get('run-1')).resolves.toMatchObject({ state: { status: 'in_progress' } });
    world.streaming.last.send(text(2, 'Hello '), text(3, 'yourself.'));
    world.clock.advance(seconds(3));
    world.streaming.last.send(ended(4, 'Hello yourself.'));
    await expect(world.takeWhenWoken()).resolves.toMatchObject({
      type: 'ended',
      state: { calls: { create: 1, retrieve: 0 } },
      outcome: { status: 'completed', foundBy: 'stream', output: { text: 'Hello yourself.' } },
    });
    expect(world.ledger.textOf('run-1')).toBe('Hello yourself.');
    expect(world.here.holder.open).toBe(0);
    expect(world.telemetry.streams).toEqual(['ended']);
    await expect(world.ledger.view('run-1')).resolves.toEqual({ held: false, status: null, end: null });
  });

  it('is not looked at while its reader lives', async () => {
    await world.take();
    for (let turn = 0; turn < 10; turn += 1) {
      world.clock.advance(seconds(3));
      world.streaming.last.send({ type: 'other', seq: turn + 1 });
      await world.here.holder.renew();
      if ((world.store.dueAtMs('run-1') ?? 0) <= world.clock.nowMs()) await world.take();
    }
    expect(world.responses.calls).toHaveLength(1);
  });

  it('goes on where its connection broke, and tells nothing twice', async () => {
    await world.take();
    world.streaming.last.send(text(5, 'Hello '), text(6, 'your'));
    await eventually(async () => {
      await world.here.holder.flush();
      expect(world.ledger.textOf('run-1')).toBe('Hello your');
    });
    world.streaming.last.break();
    await world.takeWhenWoken();
    expect(world.streaming.resumedAfter).toEqual([6]);
    world.streaming.last.send(text(6, 'your'), text(7, 'self.'), ended(8, 'Hello yourself.'));
    await expect(world.takeWhenWoken()).resolves.toMatchObject({ outcome: { foundBy: 'stream' } });
    expect(world.ledger.textOf('run-1')).toBe('Hello yourself.');
    expect(world.telemetry.streams).toEqual(['broken', 'resumed', 'ended']);
  });

  it('ends though its pieces are flushed while the last of them is written', async () => {
    await world.take();
    world.streaming.last.send(text(5, 'Hello'), ended(6, 'Hello'));
    while (world.here.holder.open > 0) await Promise.all([world.here.holder.flush(), Promise.resolve()]);
    await expect(world.takeWhenWoken()).resolves.toMatchObject({ outcome: { foundBy: 'stream' } });
    expect(world.ledger.textOf('run-1')).toBe('Hello');
  });

  it('keeps what was read before the break, though nobody flushed', async () => {
    await world.take();
    world.streaming.last.send(text(5, 'Hello'));
    world.streaming.last.end();
    await world.takeWhenWoken();
    expect(world.streaming.resumedAfter).toEqual([5]);
    expect(world.ledger.textOf('run-1')).toBe('Hello');
  });

  it('goes on as a stream as long as each connection tells something', async () => {
    await world.take();
    for (let turn = 0; turn < 30; turn += 1) {
      world.clock.advance(seconds(9));
      world.streaming.last.send({ type: 'other', seq: turn });
      world.streaming.last.break();
      await world.takeWhenWoken();
      expect(world.streaming.resumedAfter).toHaveLength(turn + 1);
    }
    expect(world.streaming.resumedAfter.at(-1)).toBe(29);
    world.streaming.last.send(ended(99, 'Hi.'));
    await expect(world.takeWhenWoken()).resolves.toMatchObject({ outcome: { foundBy: 'stream' } });
  });

  it('passes to another process when its reader dies', async () => {
    await world.take();
    const there = world.aProcess('there');
    // Dead: it renews nothing, and its connection is gone with it.
    await world.takeWhenDue(there);
    expect(world.streaming.resumedAfter).toEqual([-1]);
    expect(there.holder.open).toBe(1);
    world.streaming.last.send(ended(9, 'Hi.'));
    await expect(world.takeWhenWoken(there)).resolves.toMatchObject({ outcome: { output: { text: 'Hi.' } } });
  });

  it('passes to another process at once when its reader stops', async () => {
    await world.take();
    world.streaming.last.send(text(2, 'Hello'));
    await world.here.holder.flush();
    await world.here.holder.stop();
    const there = world.aProcess('there');
    await world.takeWhenWoken(there);
    expect(world.streaming.resumedAfter).toEqual([2]);
    expect(world.here.holder.hasRoom()).toBe(false);
  });

  it('is not opened twice when another process was first', async () => {
    await world.take();
    world.streaming.last.break();
    await eventually(() => expect(world.here.holder.open).toBe(0));
    const there = world.aProcess('there');
    const claims = world.ledger.claim.bind(world.ledger);
    // Between the look at the ledger and the claim.
    world.ledger.claim = async (id, reader) => {
      if (reader === 'here') await claims(id, 'there');
      return await claims(id, reader);
    };
    await world.takeWhenWoken();
    expect(world.streaming.resumedAfter).toEqual([]);
    await expect(world.store.get('run-1')).resolves.toMatchObject({
      state: { calls: { retrieve: 0 }, stream: { resumes: 0 }, lookReason: 'stream' },
    });
    expect(world.telemetry.streams).toEqual(['broken']);
    expect(world.telemetry.apiCalls).toHaveLength(1);
    expect(there.holder.open).toBe(0);
  });

  it('is told by one reader, also when a frozen one comes back', async () => {
    await world.take();
    const frozen = world.streaming.last;
    const there = world.aProcess('there');
    await world.takeWhenDue(there);
    frozen.send(text(1, 'Hel'), text(2, 'lo'));
    await eventually(async () => {
      await world.here.holder.flush();
      expect(world.here.holder.open).toBe(0);
    });
    expect(world.ledger.textOf('run-1')).toBe('');
    expect(frozen.closed).toBe(true);
    world.streaming.last.send(text(1, 'Hel'), text(2, 'lo'), ended(3, 'Hello'));
    await world.takeWhenWoken(there);
    expect(world.ledger.textOf('run-1')).toBe('Hello');
  });

  it('takes a stream that has fallen silent for broken', async () => {
    await world.take();
    world.clock.advance(seconds(61));
    await world.here.holder.renew();
    await world.takeWhenWoken();
    expect(world.streaming.connections.map(({ closed }) => closed)).toEqual([true, false]);
  });

  it('is cancelled like any other', async () => {
    await world.take();
    await world.store.requestCancel('run-1', world.clock.nowMs());
    await expect(world.take()).resolves.toMatchObject({ outcome: { status: 'cancelled' } });
    expect(world.streaming.last.closed).toBe(true);
    expect(world.responses.calls.map(({ call }) => call)).toEqual(['create', 'cancel']);
  });

  it('keeps its words while Redis is away', async () => {
    await world.take();
    world.ledger.failure = new Error('Redis is away.');
    world.streaming.last.send(text(1, 'Hello '));
    await eventually(async () => {
      await world.here.holder.flush();
      expect(world.telemetry.logged('warn')).not.toEqual([]);
    });
    world.ledger.failure = null;
    world.streaming.last.send(text(2, 'again'));
    await eventually(async () => {
      await world.here.holder.flush();
      expect(world.ledger.textOf('run-1')).toBe('Hello again');
    });
  });

  it('goes on from the world.ledger when its end could not be kept', async () => {
    await world.take();
    world.ledger.failure = new Error('Redis is away.');
    world.streaming.last.send(ended(1));
    await eventually(() => expect(world.here.holder.open).toBe(0));
    world.ledger.failure = null;
    await world.takeWhenDue();
    expect(world.streaming.resumedAfter).toEqual([-1]);
  });

  it('leaves no end behind that nobody took up', async () => {
    await world.take();
    const asleep = world.streaming.last;
    const there = world.aProcess('there');
    await world.takeWhenDue(there);
    world.streaming.last.send(ended(9, 'Hi.'));
    await expect(world.takeWhenWoken(there)).resolves.toMatchObject({ type: 'ended' });
    // By then nobody remembers that the run is over; the first reader wakes up, and reads on.
    world.clock.advance(seconds(30));
    await world.here.holder.renew();
    asleep.send(ended(9, 'Hi.'));
    await eventually(() => expect(world.here.holder.open).toBe(0));
    await eventually(async () =>
      expect(await world.ledger.view('run-1')).toEqual({ held: false, status: null, end: null }),
    );
    expect(world.telemetry.streams.filter((result) => result === 'ended')).toHaveLength(2);
  });

  it('keeps nothing of its stream when Redis was away at its end', async () => {
    await world.take();
    world.streaming.last.send(ended(9, 'Hi.'));
    await eventually(() => expect(world.here.holder.open).toBe(0));
    const forget = world.ledger.forget.bind(world.ledger);
    world.ledger.forget = () => Promise.reject(new StoreUnavailableError('Redis is away.'));
    const activation = world.claim();
    await expect(advance(activation, world.here.deps)).rejects.toThrow('Redis is away.');
    world.ledger.forget = forget;
    await expect(advance(activation, world.here.deps)).resolves.toMatchObject({ type: 'ended' });
    await expect(world.ledger.view('run-1')).resolves.toMatchObject({ end: null });
  });

  it('is an ordinary run where there is no room, no stream, or nobody to hold it', async () => {
    const full = world.aProcess('full', 0);
    await world.take(full);
    expect(world.streaming.connections).toEqual([]);
    expect(world.telemetry.streams).toEqual(['refused']);
    await world.add('run-2', { follow: 'stream' });
    await advance(world.claim('run-2'), world.deps);
    await world.add('run-3', { follow: 'stream', kind: 'assistants', request: { assistant_id: 'a' } });
    await advance(world.claim('run-3'), world.here.deps);
    await expect(world.live('run-3')).resolves.toMatchObject({ foundBy: 'poll' });
  });

  it('is looked for like any other when its create is not answered', async () => {
    world.responses.failNext('create', aFault('unclear'), { processed: true });
    await world.take();
    await expect(world.store.get('run-1')).resolves.toMatchObject({ state: { phase: 'creating' } });
    expect(world.here.holder.open).toBe(0);
  });
});
