/** The fakes pass the same suites as the real things: what a unit test learns with them holds for Redis and OpenAI. */

import { isDeepStrictEqual } from 'node:util';
import { expect, it } from 'vitest';
import type { FaultDetails, FaultType } from '../../src/domain/fault.ts';
import type { ProviderSnapshot, RunOutput } from '../../src/domain/snapshot.ts';
import {
  type ProviderEnding,
  type RunKind,
  type RunningStatus,
  runningStatuses,
} from '../../src/domain/status.ts';
import type { Activation } from '../../src/ports/run-store.ts';
import { aFault, over, running, someData, t0, unheardOf } from '../support/fakes/builders.ts';
import {
  FakeEventBus,
  FakeIdempotencyStore,
  FakeProvider,
  FakeProviderHealth,
  FakeRateGate,
  FakeRunStore,
  FakeStreamLedger,
  ManualClock,
  SeededRandomness,
  SharedQuota,
} from '../support/fakes/index.ts';
import { eventBusConformance } from './suites/event-bus.ts';
import { idempotencyConformance } from './suites/idempotency.ts';
import { rateGateConformance } from './suites/rate-gate.ts';
import { type Fate, runProviderConformance, type Trouble } from './suites/run-provider.ts';
import { toolProviderConformance } from './suites/run-provider-tools.ts';
import { streamLedgerConformance } from './suites/stream-ledger.ts';
import { runStoreConformance, type RunStoreHarness } from './suites/run-store.ts';

const nothing = (): Promise<void> => Promise.resolve();
const stores = new WeakMap<RunStoreHarness, FakeRunStore>();

runStoreConformance('fake', {
  create: () => {
    const clock = new ManualClock(t0);
    const store = new FakeRunStore(clock);
    const harness: RunStoreHarness = {
      store,
      nowMs: () => clock.nowMs(),
      activate: async (id, body) => {
        const result = await body(claimWithin(store, clock, id, 5000));
        leaveSlot(store, id, await store.get(id));
        return result;
      },
      lose: (id) => {
        store.loseActivation(id);
        return nothing();
      },
      close: nothing,
    };
    stores.set(harness, store);
    return Promise.resolve(harness);
  },
  breakDown: (harness) => {
    const store = stores.get(harness);
    if (store !== undefined) store.unavailable = true;
    return nothing();
  },
});

/** As a worker would within so many milliseconds: later than that, nobody was about to take the run up. */
function claimWithin(store: FakeRunStore, clock: ManualClock, id: string, withinMs: number): Activation {
  const dueAtMs = store.dueAtMs(id);
  if (dueAtMs === null || dueAtMs > clock.nowMs() + withinMs) throw new Error(`Run ${id} is not taken up.`);
  clock.reach(dueAtMs);
  const activation = store.claim(id);
  if (activation === null) throw new Error(`Run ${id} is not due.`);
  return activation;
}

function leaveSlot(store: FakeRunStore, id: string, record: { readonly outcome: unknown } | null): void {
  const left = store.dueAtMs(id) !== null;
  if (left) return;
  if (record?.outcome === null) store.loseActivation(id);
  else store.finish(id);
}

eventBusConformance('fake', () => {
  const bus = new FakeEventBus();
  const breakConnection = (): Promise<void> => {
    bus.gap();
    return nothing();
  };
  return Promise.resolve({ publisher: bus, subscriber: bus, breakConnection, close: nothing });
});

streamLedgerConformance('fake', () => {
  const clock = new ManualClock(t0);
  const streams = new FakeStreamLedger(clock);
  return Promise.resolve({
    ledger: streams,
    feed: streams,
    expire: () => {
      clock.advance(9000);
      // The others are kept.
      return streams.renew(['run-2'], 'ann').then(() => clock.advance(1000));
    },
    breakConnection: () => {
      streams.gap();
      return nothing();
    },
    close: nothing,
  });
});

idempotencyConformance('fake', () => Promise.resolve({ store: new FakeIdempotencyStore(), close: nothing }));

rateGateConformance('fake', ({ callsPerMinute }) => {
  const clock = new ManualClock(t0);
  const quota = new SharedQuota(callsPerMinute ?? Infinity);
  return Promise.resolve({
    gates: [new FakeRateGate(clock, quota), new FakeRateGate(clock, quota)],
    clock,
    reach: (ms) => {
      clock.reach(ms);
      return nothing();
    },
    close: nothing,
  });
});

function fakeProviderConformance(kind: RunKind, endings: readonly ProviderEnding[]): void {
  const separateOutput = kind === 'assistants';
  const stays: RunningStatus[] = ['queued', 'in_progress'];
  const traits = {
    endings,
    stays: separateOutput ? [...stays, 'requires_action' as const] : stays,
    separateOutput,
    canFind: separateOutput,
    groupLooks: separateOutput,
    invalid: [{ request: { model: 7 }, path: ['model'] }],
  };
  runProviderConformance(`fake ${kind}`, traits, () => {
    const provider = new FakeProvider(kind);
    const fates: Fate[] = [];
    provider.scriptBy((request) => planOf(fates[Number(request['fate'])], separateOutput));
    return Promise.resolve({
      provider,
      request: (fate: Fate) => {
        const request = { fate: fates.push(fate) - 1 };
        return Promise.resolve(separateOutput ? { ...request, thread_id: 'thread-1' } : request);
      },
      trouble: (trouble: Trouble) => {
        provider.failNext('any', faultFor(trouble), {
          processed: trouble.type === 'lost_reply' || trouble.type === 'garbage',
        });
        return nothing();
      },
      callsReceived: () => Promise.resolve(provider.calls.length),
      startedFor: (runId: string) => Promise.resolve(provider.startedFor(runId)),
      close: nothing,
    });
  });
}

fakeProviderConformance('responses', ['completed', 'failed', 'incomplete', 'cancelled']);
fakeProviderConformance('assistants', ['completed', 'failed', 'incomplete', 'cancelled', 'expired']);

const known: ReadonlySet<string> = new Set(runningStatuses);
const isKnown = (status: string): status is RunningStatus => known.has(status);

function planOf(fate: Fate | undefined, separate: boolean): readonly ProviderSnapshot[] {
  if (fate === undefined) throw new Error('The request names no fate.');
  if ('stays' in fate) {
    const toolCalls = [{ id: 'call-1', name: 'add', arguments: '{}' }];
    if (!isKnown(fate.stays)) return [unheardOf(fate.stays)];
    return [running(fate.stays, fate.stays === 'requires_action' ? { toolCalls } : {})];
  }
  const output: RunOutput = { text: 'The answer.', items: [{ type: 'message' }] };
  const error = { code: 'server_error', message: 'It broke.' };
  if (fate.endsAs === 'completed')
    return [running(), over('completed', { output: separate ? 'separate' : output, endedAtMs: t0 })];
  return [running(), over(fate.endsAs, { error })];
}

const faultTypeOf: ReadonlyMap<number, FaultType> = new Map([
  [401, 'unauthorized'],
  [403, 'unauthorized'],
  [404, 'not_found'],
  [429, 'throttled'],
]);

function faultFor(trouble: Trouble): FaultDetails {
  switch (trouble.type) {
    case 'api_error': {
      const { status: httpStatus, retryAfterMs = null } = trouble;
      const type = faultTypeOf.get(httpStatus) ?? (httpStatus < 500 ? 'refused' : 'unavailable');
      return aFault(type, { httpStatus, retryAfterMs });
    }
    case 'html':
      return aFault('unclear', { httpStatus: trouble.status });
    case 'reset':
    case 'lost_reply':
    case 'garbage':
      return aFault('unclear');
    default: {
      const never: never = trouble;
      return never;
    }
  }
}

it('FakeProviderHealth: tells of a refusal for a minute', async () => {
  const clock = new ManualClock(t0);
  const health = new FakeProviderHealth(clock);
  await expect(health.current()).resolves.toBeNull();
  await health.reportUnauthorized('The key is wrong.');
  await expect(health.current()).resolves.toEqual({ message: 'The key is wrong.', atMs: t0 });
  clock.advance(60_000);
  await expect(health.current()).resolves.toBeNull();
});

const draws = (seed: number): number[] => {
  const randomness = new SeededRandomness(seed);
  return Array.from({ length: 100 }, () => randomness.next());
};

it('SeededRandomness: draws the same again, within bounds, and ids that sort by their time', () => {
  expect(isDeepStrictEqual(draws(1), draws(1))).toBe(true);
  expect(isDeepStrictEqual(draws(1), draws(2))).toBe(false);
  expect(draws(3).every((draw) => draw >= 0 && draw < 1)).toBe(true);

  const randomness = new SeededRandomness();
  const ids = [t0, t0, t0 + 1, t0 + 5000].map((ms) => randomness.runId(ms));
  expect(ids.toSorted()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(id).toMatch(/^[a-z][\w-]*$/);
});

it('FakeRunStore: keeps what it is given apart from what its caller holds', async () => {
  const store = new FakeRunStore(new ManualClock(t0));
  const list = [1];
  await store.add('run-a', { ...someData(), request: { list } });
  list.push(2);
  await expect(store.getData('run-a')).resolves.toMatchObject({ request: { list: [1] } });
});

const asks = (round: number) =>
  running('requires_action', {
    toolCalls: [0, 1].map((i) => ({ id: `call_${round}_${i}`, name: 'add', arguments: '{}' })),
  });

toolProviderConformance('fake', () => {
  const provider = new FakeProvider('assistants');
  return Promise.resolve({
    provider,
    request: (rounds) => {
      provider.scriptBy(() => [...Array.from({ length: rounds }, (_, round) => asks(round)), over()]);
      return Promise.resolve({});
    },
    loseReply: () => {
      provider.failNext('submit', aFault('unclear'), { processed: true });
      return nothing();
    },
    close: nothing,
  });
});
