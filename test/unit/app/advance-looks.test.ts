/** Steps under the learned policy: what they learn, and what they note. */

import { beforeEach, describe, expect, it } from 'vitest';
import type { AdvanceDeps } from '../../../src/app/advance.ts';
import { LearnedPolling } from '../../../src/app/learned-polling.ts';
import { viewOf } from '../../../src/app/view.ts';
import { mostLookNotes } from '../../../src/domain/look-log.ts';
import { DurationModel } from '../../../src/domain/polling/duration-model.ts';
import { Planner } from '../../../src/domain/polling/planner.ts';
import { backoffSchedule, defaultBackoff } from '../../../src/domain/poll-schedule.ts';
import { aFault, over, running, seconds } from '../../support/fakes/builders.ts';
import { aPacing, FakeDurationStore, FakePacingStore, FakeWorld } from '../../support/fakes/index.ts';

/** A world whose worker learns. */
class LearningWorld extends FakeWorld {
  readonly model = new DurationModel();
  readonly pacingStore = new FakePacingStore(this.clock);

  learning(): this {
    const polling = new LearnedPolling({
      model: this.model,
      planner: new Planner(this.model),
      store: new FakeDurationStore(this.clock),
      pacing: aPacing(this.pacingStore, this.telemetry),
      clock: this.clock,
      telemetry: this.telemetry,
      costMs: 1000,
      backoff: backoffSchedule(defaultBackoff),
    });
    Object.assign(this.deps, { polling } satisfies Partial<AdvanceDeps>);
    return this;
  }
}

let world: LearningWorld;
beforeEach(() => {
  world = new LearningWorld().learning();
});

const looks = async (id = 'run-1') => {
  const record = await world.store.get(id);
  return record === null ? [] : viewOf(record).looks;
};

describe('a step under the learned policy', () => {
  it('learns from every look, in the class of the run', async () => {
    await world.add('run-1', { label: 'nightly', traits: { model: 'gpt-5' } });
    world.responses.script('run-1', running(), running(), over());
    await world.live();
    expect(world.model.endsSoFar('responses|m=gpt-5|l=nightly')).toBeCloseTo(1, 6);
    expect(world.model.endsSoFar('responses')).toBeCloseTo(1, 6);
  });

  it('reads the class off the request, where its producer did not say', async () => {
    await world.add('run-1', { request: { model: 'o9', input: 'Hello' } });
    world.responses.script('run-1', running(), over());
    await world.live();
    expect(world.model.endsSoFar('responses|m=o9')).toBeCloseTo(1, 6);
  });

  it('notes when and why it looked', async () => {
    await world.add('run-1', { max_delay_seconds: 2 });
    world.responses.script('run-1', running(), running(), running(), running(), over());
    await world.step();
    await world.stepWhenDue();
    world.responses.failNext('retrieve', aFault('unavailable'));
    await world.stepWhenDue();
    await world.stepWhenDue();
    world.clock.advance(500);
    // A stream that told no end is no reason of its own: the look is the next one, early.
    await world.store.wake('run-1', 'stream');
    await world.step();
    world.gate.denyNext(world.clock.nowMs() + 5000);
    await world.stepWhenDue();
    await world.stepWhenDue();
    expect((await looks()).map(({ reason }) => reason)).toEqual([
      'max_delay',
      'max_delay',
      'fault',
      'max_delay',
      'quota',
    ]);
    expect((await looks())[0]).toEqual({ age_ms: 2000, reason: 'max_delay' });
  });

  it('notes the latest looks alone, and stays small', async () => {
    await world.add('run-1', { max_delay_seconds: 0.5 });
    world.responses.script('run-1', ...Array.from({ length: 60 }, () => running()), over());
    await world.live();
    expect(await looks()).toHaveLength(mostLookNotes);
    for (const state of world.store.savedStates('run-1'))
      expect(JSON.stringify(state).length).toBeLessThan(1024);
  });

  it('asks soon after a cancel whether it has taken effect, however old the run is', async () => {
    await world.add('run-1', { deadline_seconds: 3000 });
    world.responses.script('run-1', running());
    world.responses.cancelBehaviour = 'accepted';
    await world.step();
    world.clock.advance(seconds(1000));
    await world.store.requestCancel('run-1', world.clock.nowMs());
    await world.stepWhenDue();
    const asked = world.clock.nowMs();
    await world.stepWhenDue();
    expect(world.clock.nowMs() - asked).toBeLessThan(1000);
    expect((await looks()).at(-1)?.reason).toBe('cancel');
  });

  it('reports each run that was found by looking, once', async () => {
    await world.add();
    world.responses.script('run-1', running(), running(), over());
    await world.live();
    expect(world.telemetry.polls).toMatchObject([{ kind: 'responses', looks: 2 }]);
  });
});
