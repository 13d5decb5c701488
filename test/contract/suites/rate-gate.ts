import { afterEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/ports/clock.ts';
import { callClasses, type CallClass } from '../../../src/domain/limiter/classes.ts';
import type { Permit, RateGate } from '../../../src/ports/rate-gate.ts';
import { eventually } from '../../support/fakes/eventually.ts';

export interface RateGateHarness {
  /** The gates of two processes that share one account. */
  readonly gates: readonly [RateGate, RateGate];
  readonly clock: Clock;
  /** Comes back when it is `ms`, or just after. */
  reach(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** `callsPerMinute` null: no limit. */
export type RateGateFactory = (options: {
  readonly callsPerMinute: number | null;
}) => Promise<RateGateHarness>;

/** What every `RateGate` must do; see `src/ports/rate-gate.ts`. */
export function rateGateConformance(name: string, factory: RateGateFactory): void {
  describe(`RateGate: ${name}`, () => {
    const open: RateGateHarness[] = [];
    async function gateOf(callsPerMinute: number | null): Promise<RateGateHarness> {
      const harness = await factory({ callsPerMinute });
      open.push(harness);
      return harness;
    }
    afterEach(async () => {
      for (const harness of open.splice(0)) await harness.close();
    });

    it('lets calls of every class through while there is no limit', async () => {
      const { gates } = await gateOf(null);
      for (const callClass of callClasses)
        await expect(gates[0].acquire({ callClass, ticket: null })).resolves.toMatchObject({ granted: true });
    });

    it('lets nobody through during a pause, in no process, and tells when to come back', async () => {
      const { gates, clock } = await gateOf(null);
      const untilMs = Math.ceil(clock.nowMs()) + 60_000;
      await gates[0].pauseUntil(untilMs);
      for (const gate of gates) {
        const permit = await eventually(async () => {
          const answer = await gate.acquire({ callClass: 'look', ticket: null });
          expect(answer.granted).toBe(false);
          return answer;
        });
        expect(permit).toMatchObject({ granted: false, reason: 'paused' });
        expect(permit.granted ? 0 : permit.atMs).toBeGreaterThanOrEqual(untilMs);
      }
      for (const callClass of callClasses)
        await expect(gates[1].acquire({ callClass, ticket: null })).resolves.toMatchObject({
          granted: false,
        });
    });

    it('stands by the latest end of a pause', async () => {
      const { gates, clock } = await gateOf(null);
      const untilMs = Math.ceil(clock.nowMs()) + 60_000;
      await gates[0].pauseUntil(untilMs);
      await gates[1].pauseUntil(untilMs - 50_000);
      await gates[0].pauseUntil(0);
      const permit = await gates[1].acquire({ callClass: 'create', ticket: null });
      expect(permit.granted ? 0 : permit.atMs).toBeGreaterThanOrEqual(untilMs);
    });

    it('lets calls through again after the pause', async () => {
      const harness = await gateOf(null);
      const untilMs = Math.ceil(harness.clock.nowMs()) + 150;
      await harness.gates[0].pauseUntil(untilMs);
      await harness.reach(untilMs);
      for (const gate of harness.gates)
        await eventually(async () =>
          expect(await gate.acquire({ callClass: 'look', ticket: null })).toMatchObject({ granted: true }),
        );
    });

    it('never lets more through at once than the quota of a minute, over all processes', async () => {
      const { gates, clock } = await gateOf(20);
      const startedAtMs = clock.nowMs();
      const permits = (await Promise.all(gates.map((gate) => ask(gate, 'look', 30)))).flat();
      const granted = permits.filter((permit) => permit.granted).length;
      expect(granted).toBeGreaterThan(0);
      // What the quota of a minute refills while this runs, at the most.
      expect(granted).toBeLessThanOrEqual(20 + Math.ceil((clock.nowMs() - startedAtMs) / 3000));
    });

    it('tells who comes too often a time to come back, later than now', async () => {
      const { gates, clock } = await gateOf(2);
      const permits = await ask(gates[0], 'look', 10);
      const denied = permits.filter((permit) => !permit.granted);
      expect(denied).not.toHaveLength(0);
      for (const permit of denied) {
        expect(permit.reason).toBe('quota');
        expect(permit.atMs).toBeGreaterThan(clock.nowMs() - 60_000);
        expect(Number.isFinite(permit.atMs)).toBe(true);
      }
      expect(denied.at(-1)?.atMs).toBeGreaterThan(clock.nowMs());
    });

    it('lets through who comes back at that time', async () => {
      const harness = await gateOf(600);
      const [gate] = harness.gates;
      const denial = await eventually(async () => {
        const permit = await gate.acquire({ callClass: 'look', ticket: null });
        if (permit.granted) throw new Error('There is quota left.');
        return permit;
      });
      await eventually(async () => {
        await harness.reach(denial.atMs);
        expect(await gate.acquire({ callClass: 'look', ticket: null })).toMatchObject({ granted: true });
      });
    });

    it.each(['submit', 'cancel'] as const)('never lets a %s wait behind looks', async (callClass) => {
      const { gates } = await gateOf(5);
      const denied = (await ask(gates[0], 'look', 25)).filter((permit) => !permit.granted);
      expect(denied).not.toHaveLength(0);
      const lastLook = Math.max(...denied.map(({ atMs }) => atMs));
      const permit = await gates[1].acquire({ callClass, ticket: null });
      expect(permit.granted || permit.atMs <= lastLook).toBe(true);
    });
  });
}

async function ask(gate: RateGate, callClass: CallClass, times: number): Promise<readonly Permit[]> {
  const permits: Permit[] = [];
  for (let i = 0; i < times; i += 1) permits.push(await gate.acquire({ callClass, ticket: null }));
  return permits;
}
