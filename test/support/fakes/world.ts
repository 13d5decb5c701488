import { advance, type AdvanceDeps, type Advanced } from '../../../src/app/advance.ts';
import { Backlog } from '../../../src/app/backlog.ts';
import { SharedLooks } from '../../../src/app/shared-looks.ts';
import { BackoffPolling } from '../../../src/app/polling.ts';
import { defaultPolicy } from '../../../src/domain/policy.ts';
import { backoffSchedule, defaultBackoff } from '../../../src/domain/poll-schedule.ts';
import type { RunOutcome } from '../../../src/domain/run.ts';
import { type JobDataInput, jobData } from '../../../src/domain/wire/job-data.ts';
import type { Activation } from '../../../src/ports/run-store.ts';
import { t0 } from './builders.ts';
import { FakeAccounts } from './accounts.ts';
import { FakeCallbackRules, FakeCallbackSender } from './callbacks.ts';
import { FakeEventBus } from './event-bus.ts';
import { FakeIdempotencyStore } from './idempotency-store.ts';
import { ManualClock } from './manual-clock.ts';
import { FakeProviderHealth } from './provider-health.ts';
import { FakeProvider } from './provider.ts';
import { FakeRateGate } from './rate-gate.ts';
import { FakeRunStore } from './run-store.ts';
import { SeededRandomness } from './seeded-randomness.ts';
import { RecordingTelemetry } from './telemetry.ts';
import { FakeToolAnswers } from './tool-answers.ts';
import { FakeToolDispatcher } from './tool-dispatcher.ts';

/** Every port's fake, wired as one small fleet with one worker. */
export class FakeWorld {
  readonly clock = new ManualClock(t0);
  readonly randomness = new SeededRandomness();
  readonly store = new FakeRunStore(this.clock);
  readonly backlog = new Backlog(this.store, this.clock, Infinity);
  readonly idempotency = new FakeIdempotencyStore();
  readonly events = new FakeEventBus();
  readonly callbacks = new FakeCallbackSender();
  readonly callbackRules = new FakeCallbackRules();
  readonly gate = new FakeRateGate(this.clock);
  readonly health = new FakeProviderHealth(this.clock);
  readonly telemetry = new RecordingTelemetry();
  readonly responses = new FakeProvider('responses');
  readonly assistants = new FakeProvider('assistants');
  readonly answers = new FakeToolAnswers();
  readonly dispatcher = new FakeToolDispatcher();

  readonly accounts = new FakeAccounts({
    name: 'default',
    providers: { responses: this.responses, assistants: this.assistants },
    gate: this.gate,
    health: this.health,
    standing: () => ({ quota: null, isRefused: this.health.isRefused() }),
  });

  readonly deps: AdvanceDeps = {
    kinds: { responses: this.responses, assistants: this.assistants },
    accounts: this.accounts,
    clock: this.clock,
    randomness: this.randomness,
    telemetry: this.telemetry,
    events: this.events,
    callbacks: this.callbacks,
    policy: defaultPolicy,
    polling: new BackoffPolling({
      schedule: backoffSchedule({ ...defaultBackoff, jitter: 0 }),
      costMs: 1000,
    }),
    tools: { answers: this.answers, dispatchers: { queue: this.dispatcher, http: this.dispatcher } },
    looks: new SharedLooks(),
  };

  /** Accepts a run of the smallest request. */
  async add(id = 'run-1', data: Partial<JobDataInput> = {}): Promise<void> {
    await this.store.add(id, jobData.parse({ request: { model: 'gpt-5', input: 'Hello' }, ...data }));
  }

  /** How many runs its providers have started for it. */
  startedFor(id: string): number {
    return this.responses.startedFor(id) + this.assistants.startedFor(id);
  }

  /** Takes the run up; it must be due. */
  claim(id = 'run-1'): Activation {
    const activation = this.store.claim(id);
    if (activation === null) throw new Error(`Run ${id} is not due.`);
    return activation;
  }

  /** One step of a run that is due. */
  async step(id = 'run-1'): Promise<Advanced> {
    const advanced = await advance(this.claim(id), this.deps);
    if (advanced.type === 'ended') this.store.finish(id);
    return advanced;
  }

  /** Moves the clock to the run's next time, and takes that step. */
  async stepWhenDue(id = 'run-1'): Promise<Advanced> {
    this.clock.reach(this.store.dueAtMs(id) ?? this.clock.nowMs());
    return this.step(id);
  }

  /** Goes on from step to step until the run has ended. */
  async live(id = 'run-1', mostSteps = 1000): Promise<RunOutcome> {
    for (let steps = 0; steps < mostSteps; steps += 1) {
      const advanced = await this.stepWhenDue(id);
      if (advanced.type === 'ended') return advanced.outcome;
    }
    throw new Error(`Run ${id} did not end within ${mostSteps} steps.`);
  }
}
