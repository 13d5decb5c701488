import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EventBus, EventListener, RunEvent } from '../../../src/ports/event-bus.ts';
import { t0 } from '../../support/fakes/builders.ts';
import { eventually } from '../../support/fakes/eventually.ts';

export interface EventBusHarness {
  /** Of one process. */
  readonly publisher: EventBus;
  /** Of another, where there can be another; it must hear what the first one says. */
  readonly subscriber: EventBus;
  /** The subscriber's connection is lost and comes back. */
  breakConnection(): Promise<void>;
  close(): Promise<void>;
}

class Ears implements EventListener {
  readonly heard: RunEvent[] = [];
  gaps = 0;

  onEvent(event: RunEvent): void {
    this.heard.push(event);
  }

  onGap(): void {
    this.gaps += 1;
  }
}

const event = (runId: string, n = 0): RunEvent => ({ runId, status: 'in_progress', atMs: t0 + n });

/** What every `EventBus` must do; see `src/ports/event-bus.ts`. */
export function eventBusConformance(name: string, factory: () => Promise<EventBusHarness>): void {
  describe(`EventBus: ${name}`, () => {
    let harness: EventBusHarness;
    beforeEach(async () => {
      harness = await factory();
    });
    afterEach(() => harness.close());

    /** Listens, and returns once the subscription is known to work. */
    async function listening(runId: string, ears: EventListener = new Ears()): Promise<() => void> {
      const probe = new Ears();
      const leave = harness.subscriber.subscribe(runId, probe);
      await eventually(async () => {
        await harness.publisher.publish(event(runId, -1));
        expect(probe.heard).not.toHaveLength(0);
      });
      // Whatever is still under way of the probes has passed when this one, the last, arrives.
      await harness.publisher.publish(event(runId, -2));
      await eventually(() => expect(probe.heard).toContainEqual(event(runId, -2)));
      const unsubscribe = harness.subscriber.subscribe(runId, ears);
      leave();
      return unsubscribe;
    }

    it('tells a listener of its run, in the order of publishing, with every field', async () => {
      const ears = new Ears();
      await listening('run-a', ears);
      const events = Array.from({ length: 20 }, (_, n) => event('run-a', n));
      for (const one of events) await harness.publisher.publish(one);
      await eventually(() => expect(ears.heard).toEqual(events));
    });

    it('tells it of no other run', async () => {
      const a = new Ears();
      const b = new Ears();
      await listening('run-a', a);
      await listening('run-b', b);
      await harness.publisher.publish(event('run-b'));
      await harness.publisher.publish(event('run-a'));
      await eventually(() => expect(a.heard).toEqual([event('run-a')]));
      await eventually(() => expect(b.heard).toEqual([event('run-b')]));
    });

    it('tells every listener of a run, also one that listens twice', async () => {
      const first = new Ears();
      const second = new Ears();
      await listening('run-a', first);
      harness.subscriber.subscribe('run-a', second);
      harness.subscriber.subscribe('run-a', second);
      await harness.publisher.publish(event('run-a'));
      await eventually(() => expect(first.heard).toHaveLength(1));
      await eventually(() => expect(second.heard).toHaveLength(2));
    });

    it('leaves in peace who has unsubscribed, twice even, and goes on telling the others', async () => {
      const gone = new Ears();
      const stays = new Ears();
      const leave = await listening('run-a', gone);
      harness.subscriber.subscribe('run-a', stays);
      leave();
      leave();
      await harness.publisher.publish(event('run-a'));
      await eventually(() => expect(stays.heard).toHaveLength(1));
      expect(gone.heard).toHaveLength(0);
    });

    it('can be listened to again after the last one left', async () => {
      const leave = await listening('run-a');
      leave();
      const ears = new Ears();
      await listening('run-a', ears);
      await harness.publisher.publish(event('run-a'));
      await eventually(() => expect(ears.heard).toEqual([event('run-a')]));
    });

    it('does not let one listener that throws keep the others from hearing', async () => {
      const broken: EventListener = {
        onEvent: () => {
          throw new Error('A listener with a bug.');
        },
        onGap: () => {
          throw new Error('A listener with a bug.');
        },
      };
      const ears = new Ears();
      await listening('run-a');
      harness.subscriber.subscribe('run-a', broken);
      harness.subscriber.subscribe('run-a', ears);
      await expect(harness.publisher.publish(event('run-a'))).resolves.toBeUndefined();
      await eventually(() => expect(ears.heard).toHaveLength(1));
    });

    it('publishes to nobody without complaint', async () => {
      await expect(harness.publisher.publish(event('run-none'))).resolves.toBeUndefined();
    });

    it('says at least that there was a gap, of what is published right after subscribing', async () => {
      // Who subscribes and then reads must never miss the change in between for good.
      for (let round = 0; round < 10; round += 1) {
        const runId = `run-${round}`;
        const ears = new Ears();
        harness.subscriber.subscribe(runId, ears);
        await harness.publisher.publish(event(runId));
        await eventually(() => expect(ears.heard.length + ears.gaps).toBeGreaterThan(0));
      }
    });

    it('tells every listener of a gap after its connection was lost, and of events again', async () => {
      const a = new Ears();
      const b = new Ears();
      await listening('run-a', a);
      await listening('run-b', b);
      const gapsBefore = { a: a.gaps, b: b.gaps };
      await harness.breakConnection();
      await eventually(() => expect(a.gaps).toBeGreaterThan(gapsBefore.a));
      await eventually(() => expect(b.gaps).toBeGreaterThan(gapsBefore.b));
      await eventually(async () => {
        await harness.publisher.publish(event('run-a'));
        expect(a.heard).not.toHaveLength(0);
      });
    });
  });
}
