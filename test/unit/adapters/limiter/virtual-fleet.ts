/**
 * Worker processes' side of the limiter on the model of the script, in virtual time: what is measured here depends on no
 * machine. Runs are jobs of a queue that any process may take up, each a little late.
 */
import { setTimeout as realSleep } from 'node:timers/promises';
import { vi } from 'vitest';

import { Front } from '../../../../src/adapters/redis-limiter/front.ts';
import { silentObserver } from '../../../../src/adapters/redis-limiter/observer.ts';
import type { CallClass } from '../../../../src/domain/limiter/classes.ts';
import type { AccountState } from '../../../../src/domain/limiter/state.ts';
import { step, type StepReply } from '../../../../src/domain/limiter/step.ts';
import { type LimiterSettings, termsOf } from '../../../../src/domain/limiter/terms.ts';
import type { Permit } from '../../../../src/ports/rate-gate.ts';
import { draws } from '../../domain/limiter/arbitraries.ts';

export interface FleetPlan {
  readonly settings: LimiterSettings;
  readonly processes: number;
  /** Each run makes these calls in turn, for ever. */
  readonly lives: readonly {
    readonly runs: number;
    readonly calls: readonly CallClass[];
    readonly priority?: number;
  }[];
  /** `own`: a run stays at its process. `any`: whoever is first takes it up. */
  readonly taking: 'own' | 'any';
  readonly forMs: number;
  /** The first process is gone then, with all that it had in hand; its runs are taken up by others later. */
  readonly killAtMs?: number;
  readonly seed: number;
}

export interface VirtualCall {
  readonly atMs: number;
  readonly process: number;
  readonly callClass: CallClass;
  /** Of its run. */
  readonly priority: number;
  /** From its first ask to its permit. */
  readonly waitedMs: number;
}

interface VirtualProcess {
  readonly front: Front;
  readonly gone: Promise<'gone'>;
  isGone: boolean;
}

const takenUpAfterMs = 5000;
const callMs = 20;

/** In virtual time: the timer is looked up at each call. */
function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Every call as the provider sees it arrive, ascending, and the times of all trips. */
export async function runFleet(
  plan: FleetPlan,
): Promise<{ readonly calls: VirtualCall[]; readonly trips: number[] }> {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'Date'] });
  const { settings, lives } = plan;
  const random = draws(plan.seed);
  const terms = termsOf(settings);
  const startMs = Date.now();
  const nowMs = (): number => Date.now() - startMs;
  const calls: VirtualCall[] = [];
  const trips: number[] = [];
  let state: AccountState | null = null;
  let toldAtMs = 0;

  function newProcess(): VirtualProcess {
    const clock = { nowMs: () => Date.now(), monotonicMs: () => nowMs() };
    const gone = Promise.withResolvers<'gone'>();
    const process: VirtualProcess = {
      gone: gone.promise,
      isGone: false,
      front: new Front({
        settings,
        clock,
        observer: silentObserver,
        async step(request) {
          await sleep(1);
          if (process.isGone) return await new Promise<StepReply>(() => {});
          const done = step(state, terms, request, Date.now() * 1000, 'e');
          state = done.state;
          trips.push(nowMs());
          tell(done.reply);
          await sleep(1);
          return done.reply;
        },
      }),
    };
    if (plan.killAtMs !== undefined && processes.length === 0) {
      setTimeout(() => {
        process.isGone = true;
        gone.resolve('gone');
      }, plan.killAtMs);
    }
    return process;
  }

  function tell({ epoch, nowUs, pausedUntilUs, aheadUs }: StepReply): void {
    if (nowMs() - toldAtMs < terms.fenceUs / 4000) return;
    toldAtMs = nowMs();
    setTimeout(() => {
      for (const { front } of processes) front.announced({ epoch, nowUs, pausedUntilUs, aheadUs });
    }, 1);
  }

  async function live(first: number, order: readonly CallClass[], priority: number): Promise<void> {
    let ticket: string | null = null;
    let at = first;
    for (let turn = first; nowMs() < plan.forMs;) {
      if (plan.taking === 'any') at = Math.floor(random() * processes.length);
      const process = processes[at % processes.length];
      const callClass = order[turn % order.length];
      if (process === undefined || callClass === undefined) return;
      if (process.isGone) {
        at++;
        continue;
      }
      const permit: Permit | 'gone' = await Promise.race([
        process.front.acquire({ callClass, ticket, priority }),
        process.gone,
      ]);
      if (permit === 'gone') {
        await sleep(takenUpAfterMs * random());
      } else if (permit.granted) {
        const onItsWayMs = (random() * settings.jitterMs) / 4;
        const arrivalMs = nowMs() + onItsWayMs;
        calls.push({
          atMs: arrivalMs,
          process: at % processes.length,
          callClass,
          priority,
          waitedMs: permit.waitedMs,
        });
        await sleep(callMs);
        ticket = null;
        turn++;
      } else {
        ticket = permit.ticket;
        // A queue's tick.
        await sleep(permit.atMs - Date.now() + random() * 30);
      }
    }
  }

  const processes: VirtualProcess[] = [];
  try {
    for (let i = 0; i < plan.processes; i++) processes.push(newProcess());
    let next = 0;
    for (const { runs, calls: order, priority = 0 } of lives)
      for (let i = 0; i < runs; i++) void live(next++, order, priority);
    for (let ms = 0; ms < plan.forMs; ms += 1000) {
      await vi.advanceTimersByTimeAsync(1000);
      // The test's own timeout wants a turn of the event loop now and then.
      await realSleep(0);
    }
  } finally {
    vi.useRealTimers();
  }
  return { calls: calls.sort((a, b) => a.atMs - b.atMs), trips };
}
