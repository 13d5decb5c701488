import { array, assert, constantFrom, integer, property, record } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HostTurnstile, type Turn } from '../../../../src/domain/callbacks/turnstile.ts';

const quickMs = 20;
const hangingMs = 15_000;

function admittedAtOnce(turnstile: HostTurnstile, host: string, nowMs: number): number {
  let admitted = 0;
  while (turnstile.enter(host, nowMs, 0.5).admitted) admitted += 1;
  return admitted;
}

function leave(turn: Turn, atMs: number): void {
  if (!turn.admitted) throw new Error('It was sent away.');
  turn.leave(atMs);
}

describe('a host', () => {
  it('begins with two places, and earns a quarter of all by quick answers', () => {
    const turnstile = new HostTurnstile(100);
    let nowMs = 0;
    for (let call = 0; call < 50; call += 1) {
      const turn = turnstile.enter('good', nowMs, 0.5);
      leave(turn, (nowMs += quickMs));
    }
    expect(admittedAtOnce(turnstile, 'good', nowMs)).toBe(25);
    expect(admittedAtOnce(turnstile, 'new', nowMs)).toBe(2);
  });

  it('that is slow has one place, until it is quick again', () => {
    const turnstile = new HostTurnstile(100);
    leave(turnstile.enter('slow', 0, 0.5), hangingMs);
    const turn = turnstile.enter('slow', hangingMs, 0.5);
    expect(turnstile.enter('slow', hangingMs, 0.5).admitted).toBe(false);
    leave(turn, hangingMs + quickMs);
    expect(admittedAtOnce(turnstile, 'slow', 20_000)).toBe(2);
  });

  it('that hangs sends the others of its own away for longer and longer, but never beyond bounds', () => {
    const turnstile = new HostTurnstile(100);
    leave(turnstile.enter('hanging', 0, 0.5), hangingMs);
    expect(turnstile.enter('hanging', hangingMs, 0.5).admitted).toBe(true);
    const delays = Array.from({ length: 1000 }, () => {
      const turn = turnstile.enter('hanging', hangingMs, 1);
      return turn.admitted ? 0 : turn.delayMs;
    });
    expect(delays[1]).toBeGreaterThan(delays[0] ?? 0);
    expect(Math.min(...delays)).toBeGreaterThan(0);
    expect(Math.max(...delays)).toBeLessThanOrEqual(300_000);
    expect(delays.filter((delayMs) => delayMs > 200_000).length).toBeGreaterThan(900);
  });

  it('is forgotten after an hour, so that no number of hosts fills the memory', () => {
    const turnstile = new HostTurnstile(100);
    for (let host = 0; host < 20_000; host += 1) leave(turnstile.enter(`host-${host}`, host, 0.5), host + 1);
    expect(turnstile.size).toBeLessThanOrEqual(10_000);
    leave(turnstile.enter('last', 10_000_000, 0.5), 10_000_001);
    expect(turnstile.size).toBe(1);
  });
});

it('leaves half of the places to those that have earned them, however many hosts hang', () => {
  const turnstile = new HostTurnstile(100);
  let hanging = 0;
  for (let host = 0; host < 1000; host += 1) hanging += admittedAtOnce(turnstile, `hanging-${host}`, 0);
  expect(hanging).toBe(50);
});

it('never has more under way than it may, whatever comes and goes', () => {
  const step = record({
    host: constantFrom('a', 'b', 'c'),
    tookMs: constantFrom(1, 500, 3000, 15_000),
    goes: integer({ min: 0, max: 3 }),
  });
  assert(
    property(integer({ min: 1, max: 12 }), array(step, { maxLength: 200 }), (places, steps) => {
      const turnstile = new HostTurnstile(places);
      const inside: { host: string; leave: (nowMs: number) => void; leavesAtMs: number }[] = [];
      let nowMs = 0;
      for (const { host, tookMs, goes } of steps) {
        nowMs += 1000;
        for (const gone of inside.splice(0, goes)) gone.leave(nowMs);
        const turn = turnstile.enter(host, nowMs, 0.5);
        if (turn.admitted) inside.push({ host, leave: turn.leave, leavesAtMs: nowMs + tookMs });
        const ofHost = inside.filter((one) => one.host === host).length;
        expect(ofHost).toBeLessThanOrEqual(Math.max(1, Math.floor(places / 4)));
      }
    }),
  );
});
