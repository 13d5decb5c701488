import { beforeEach, describe, expect, test } from 'vitest';

import { Contact, readAnnouncement } from '../../../../src/adapters/redis-limiter/contact.ts';
import type { StepReply } from '../../../../src/domain/limiter/step.ts';

const redisUs = 1_760_000_000_000_000;
const contactMs = 1500;
const time = { wallMs: 0, localMs: 0 };
const clock = { nowMs: () => time.wallMs, monotonicMs: () => time.localMs };

function pass(ms: number): void {
  time.wallMs += ms;
  time.localMs += ms;
}

function reply(nowUs: number): StepReply {
  const common = { answers: [], epoch: 'e', pausedUntilUs: nowUs, spacingUs: 20_000, limit: 3000 };
  return { ...common, nowUs, reachUs: 2_000_000, aheadUs: 3_000_000 };
}

let contact: Contact;
beforeEach(() => {
  time.wallMs = 500_000;
  time.localMs = 1000;
  contact = new Contact(clock, contactMs);
  contact.hear(reply(redisUs), contact.stamp());
});

function overhear(afterMs: number, epoch = 'e', pausedForMs = 0): boolean {
  const nowUs = redisUs + afterMs * 1000;
  return contact.overhear({ epoch, nowUs, pausedUntilUs: nowUs + pausedForMs * 1000, aheadUs: 0 });
}

describe('what is overheard', () => {
  test('saves a trip: Redis was heard of when it was said, not when it arrived', () => {
    pass(1400);
    overhear(400);
    pass(400);
    expect(contact.isFresh()).toBe(true);
    pass(200);
    expect(contact.isFresh()).toBe(false);
  });

  test.each([
    ['from another server', () => overhear(1000, 'other')],
    ['older than what was heard', () => overhear(-100)],
    ['after a sleep that only the wall clock has seen', () => void ((time.wallMs += 5000), overhear(100))],
  ])('%s, it counts for nothing', (_, happens) => {
    happens();
    pass(1501);
    expect(contact.isFresh()).toBe(false);
  });

  test('by a server whose clock jumps, it is no newer than now', () => {
    overhear(20_000);
    pass(contactMs + 1);
    expect(contact.isFresh()).toBe(false);
  });

  test('an old trip of our own is no yardstick for it', () => {
    pass(31_000);
    overhear(31_000);
    expect(contact.isFresh()).toBe(false);
  });

  test('a pause is news once', () => {
    expect(overhear(100, 'e', 5000)).toBe(true);
    expect(overhear(100, 'e', 5000)).toBe(false);
    expect(contact.pausedUntilUs).toBe(redisUs + 5_100_000);
  });
});

test('a trip waits for others while slots are given out far ahead, and goes at once when they are not', () => {
  expect(contact.spareMs(0, 4000)).toBeGreaterThan(1000);
  pass(2800);
  expect(contact.spareMs(0, 4000)).toBeLessThanOrEqual(0);
});

test('who has gathered longest goes first, and nobody gathers for ever', () => {
  const spares = [0, 1000, 2000, 3000].map((gatheredMs) => contact.spareMs(gatheredMs, 4000));
  expect(spares).toEqual(spares.toSorted((a, b) => b - a));
  expect(new Set(spares).size).toBe(spares.length);
  expect(contact.spareMs(4000, 4000)).toBe(0);
});

describe('announcements', () => {
  test('are read, those of older versions too', () => {
    expect(readAnnouncement('e 7 5 3')).toEqual({ epoch: 'e', pausedUntilUs: 7, nowUs: 5, aheadUs: 3 });
    expect(readAnnouncement('e 7')).toEqual({ epoch: 'e', pausedUntilUs: 7, nowUs: null, aheadUs: 0 });
  });

  test.each(['', 'e', 'e x', 'e 7 x 3'])('"%s" is none', (text) => {
    expect(readAnnouncement(text)).toBeNull();
  });
});
