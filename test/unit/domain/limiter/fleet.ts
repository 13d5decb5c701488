/**
 * A fleet in virtual time: workers with clocks of their own, replies and calls that take a while, crashes and losses
 * of the shared state. True time is Redis's; the provider counts arrivals in it.
 */
import type { Ask } from '../../../../src/domain/limiter/booking.ts';
import {
  heard,
  redisTimeUs,
  type RedisClock,
  unknownClock,
} from '../../../../src/domain/limiter/redis-clock.ts';
import type { AccountState } from '../../../../src/domain/limiter/state.ts';
import { emptyRequest, step, type StepRequest } from '../../../../src/domain/limiter/step.ts';
import { latenessMs, type LimiterSettings, termsOf } from '../../../../src/domain/limiter/terms.ts';
import { slotPhase } from '../../../../src/domain/limiter/ticket.ts';

export interface WorkerPlan {
  /** Its clock shows so much more than Redis's, and gains so much. */
  readonly skewMs: number;
  readonly driftPpm: number;
  /** Replies take from 0 to this, which is also how far the process's idea of Redis's clock is off. */
  readonly replyMs: number;
}

export type FleetEvent =
  | {
      readonly type: 'asks';
      readonly worker: number;
      readonly classIndex: number;
      readonly count: number;
      readonly tokens: number;
    }
  /** Everything in the worker's hands is gone: slots unused, calls never made. */
  | { readonly type: 'crash'; readonly worker: number }
  /** Redis restarts, with its last state or without; the workers hear of it with their next reply. */
  | { readonly type: 'lose'; readonly keepsState: boolean }
  | { readonly type: 'limit'; readonly requests: number }
  | { readonly type: 'pause'; readonly forMs: number };

export interface Arrival {
  readonly atUs: number;
  readonly classIndex: number;
  readonly tokens: number;
  /** When its slot was given out. */
  readonly bookedAtUs: number;
}

interface Slot {
  readonly slotUs: number;
  readonly epoch: string;
  readonly bookedAtUs: number;
}

interface Worker {
  readonly plan: WorkerPlan;
  clock: RedisClock;
  epoch: string;
  heardAtUs: number;
  life: number;
}

export interface FleetOptions {
  readonly settings: LimiterSettings;
  readonly workers: readonly WorkerPlan[];
  readonly events: readonly { readonly afterMs: number; readonly event: FleetEvent }[];
  /** Draws from [0, 1): where in its range each delay lies. */
  readonly random: () => number;
  /** The run ends so long after the last event. */
  readonly tailMs: number;
  /** How late timers fire at most, in shares of the lateness that is allowed; default 1.2: some are too late. */
  readonly timersLate?: number;
}

export function simulate(options: FleetOptions): {
  arrivals: Arrival[];
  granted: number;
  state: AccountState | null;
} {
  const { random } = options;
  let { settings } = options;
  let terms = termsOf(settings);
  const latenessUs = latenessMs(settings) * 1000;
  const arrivals: Arrival[] = [];
  const queue = new Agenda();
  let state: AccountState | null = null;
  let epoch = 1;
  let granted = 0;
  let nextId = 0;
  let toldAtUs = 0;
  const workers = options.workers.map(({ replyMs, ...rest }): Worker => ({
    plan: { ...rest, replyMs: Math.min(replyMs, settings.jitterMs / 2) },
    clock: unknownClock,
    epoch: '',
    heardAtUs: -Infinity,
    life: 0,
  }));

  function trip(
    worker: Worker,
    atUs: number,
    request: StepRequest,
  ): ReturnType<typeof step>['reply'] & { replyUs: number } {
    const done = step(state, terms, request, Math.floor(atUs), String(epoch));
    state = done.state;
    const replyUs = atUs + random() * worker.plan.replyMs * 1000;
    worker.clock = heard(worker.clock, done.reply.nowUs, localUs(worker, replyUs));
    worker.epoch = done.reply.epoch;
    worker.heardAtUs = atUs;
    if (atUs - toldAtUs > terms.fenceUs / 4) tell(done.reply.epoch, atUs);
    return { ...done.reply, replyUs };
  }

  /** Everybody hears of a trip now and then, some sooner, some much later. */
  function tell(told: string, toldUs: number): void {
    toldAtUs = toldUs;
    for (const worker of workers) {
      queue.add(toldUs + random() * terms.fenceUs, () => {
        if (worker.epoch === told) worker.heardAtUs = Math.max(worker.heardAtUs, toldUs);
      });
    }
  }

  function ask(worker: Worker, atUs: number, asks: readonly Ask[]): void {
    const reply = trip(worker, atUs, { ...emptyRequest, asks });
    const { life } = worker;
    for (const [i, one] of asks.entries()) {
      const answer = reply.answers[i];
      if (answer?.type === 'slot') {
        const slot = { slotUs: answer.atUs, epoch: reply.epoch, bookedAtUs: atUs };
        use(worker, one, slot, Math.max(answer.atUs, reply.replyUs));
      } else if (answer !== undefined) {
        const kind = answer.type === 'far' ? 'fresh' : 'returning';
        queue.add(Math.max(answer.atUs, reply.replyUs) + random() * 50_000, (againUs) => {
          if (worker.life === life) ask(worker, againUs, [{ ...one, kind }]);
        });
      }
    }
  }

  /** What the process does with a slot, at the time at which its own clock says that it has come. */
  function use(worker: Worker, one: Ask, slot: Slot, fromUs: number): void {
    const { life } = worker;
    // Timers fire late, and the event loop may be busy.
    queue.add(fromUs + random() * latenessUs * (options.timersLate ?? 1.2), (atUs) => {
      if (worker.life !== life) return;
      const seenUs = redisTimeUs(worker.clock, localUs(worker, atUs)) ?? 0;
      const phase = slotPhase(slot.slotUs, seenUs, latenessUs);
      if (phase === 'early') return use(worker, one, slot, atUs + Math.max(100, slot.slotUs - seenUs));
      if (atUs - worker.heardAtUs > settings.contactMs * 1000) trip(worker, atUs, emptyRequest);
      const isPaused = (state?.pausedUntilUs ?? 0) > atUs;
      if (phase === 'stale' || slot.epoch !== worker.epoch || isPaused)
        return ask(worker, atUs, [{ ...one, kind: 'returning' }]);
      granted++;
      // The clock's error (at most a reply's way) and the network's jitter share the other half.
      const networkUs = random() * Math.max(0, terms.jitterUs / 2 - worker.plan.replyMs * 1000);
      arrivals.push({
        atUs: atUs + networkUs,
        classIndex: one.classIndex,
        tokens: one.tokens,
        bookedAtUs: slot.bookedAtUs,
      });
    });
  }

  function happen(event: FleetEvent, atUs: number): void {
    switch (event.type) {
      case 'asks': {
        const worker = workers[event.worker % workers.length];
        if (worker === undefined) return;
        const { classIndex, tokens } = event;
        const asks = Array.from({ length: event.count }, (): Ask => {
          return { classIndex, kind: 'fresh', tokens, id: `r${nextId++}` };
        });
        return ask(worker, atUs, asks);
      }
      case 'crash': {
        const worker = workers[event.worker % workers.length];
        if (worker === undefined) return;
        worker.life++;
        worker.clock = unknownClock;
        return;
      }
      case 'lose':
        epoch++;
        if (!event.keepsState) state = null;
        return;
      case 'limit':
        settings = { ...settings, requests: event.requests };
        terms = termsOf(settings);
        return;
      case 'pause': {
        const [worker] = workers;
        if (worker !== undefined) trip(worker, atUs, { ...emptyRequest, pauseUs: event.forMs * 1000 });
        return;
      }
      default: {
        const never: never = event;
        return never;
      }
    }
  }

  let atUs = 1_760_000_000_000_000;
  for (const { afterMs, event } of options.events) {
    atUs += afterMs * 1000;
    queue.add(atUs, (nowUs) => happen(event, nowUs));
  }
  queue.run(atUs + options.tailMs * 1000);
  arrivals.sort((a, b) => a.atUs - b.atUs);
  return { arrivals, granted, state };
}

function localUs({ plan }: Worker, atUs: number): number {
  return atUs * (1 + plan.driftPpm / 1e6) + plan.skewMs * 1000;
}

/** What is to happen when: a binary heap. */
class Agenda {
  private readonly heap: {
    readonly atUs: number;
    readonly order: number;
    readonly run: (atUs: number) => void;
  }[] = [];
  private order = 0;

  add(atUs: number, run: (atUs: number) => void): void {
    const { heap } = this;
    const entry = { atUs, order: this.order++, run };
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !comesBefore(entry, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = entry;
  }

  run(untilUs: number): void {
    for (let next = this.take(); next !== undefined && next.atUs <= untilUs; next = this.take())
      next.run(next.atUs);
  }

  private take(): (typeof this.heap)[number] | undefined {
    const { heap } = this;
    const [top] = heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return top;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const right = heap[left + 1];
      let child = left;
      const leftEntry = heap[left];
      if (leftEntry === undefined) break;
      if (right !== undefined && comesBefore(right, leftEntry)) child = left + 1;
      const below = heap[child];
      if (below === undefined || !comesBefore(below, last)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = last;
    return top;
  }
}

function comesBefore(
  a: { readonly atUs: number; readonly order: number },
  b: { readonly atUs: number; readonly order: number },
): boolean {
  return a.atUs < b.atUs || (a.atUs === b.atUs && a.order < b.order);
}

/** The most of anything within a window that is closed at its end: the server's strictest way of counting. */
export function worstWindow(
  arrivals: readonly Arrival[],
  windowUs: number,
  weigh: (arrival: Arrival) => number,
): number {
  let first = 0;
  let inside = 0;
  let worst = 0;
  for (const arrival of arrivals) {
    inside += weigh(arrival);
    for (
      let oldest = arrivals[first];
      oldest !== undefined && oldest.atUs <= arrival.atUs - windowUs;
      oldest = arrivals[first]
    ) {
      inside -= weigh(oldest);
      first++;
    }
    worst = Math.max(worst, inside);
  }
  return worst;
}
