/** Who passes whom: urgent runs those that have come back, of their class alone, and nobody for ever. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import type { Call } from '../../../../src/adapters/redis-limiter/calls.ts';
import { changePlaces } from '../../../../src/adapters/redis-limiter/places.ts';
import { callClasses, classIndex, isUrgent } from '../../../../src/domain/limiter/classes.ts';

const nowUs = 1_760_000_000_000_000;
const calls = fc.array(
  fc.record({
    callClass: fc.constantFrom(...callClasses),
    priority: fc.nat({ max: 3 }),
    first: fc.boolean(),
    waitedMs: fc.option(fc.nat({ max: 120_000 })),
    stays: fc.boolean(),
  }),
);

function callOf(
  drawn: { callClass: Call['callClass']; priority: number; first: boolean; stays: boolean },
  waitedMs: number | null,
): Call {
  const { callClass, priority, first, stays } = drawn;
  const index = classIndex(callClass);
  const sinceUs = nowUs - (waitedMs ?? 0) * 1000;
  return {
    callClass,
    classIndex: index,
    urgent: isUrgent(callClass),
    first,
    priority,
    shared: true,
    tokens: 0,
    id: '',
    ticket: waitedMs === null ? null : { sinceUs, slotUs: null, dueUs: nowUs, epoch: 'e', classIndex: index },
    ticketText: null,
    askedLocalMs: 0,
    returning: first || waitedMs !== null,
    stays,
    resolve: () => {},
  };
}

test('as many come back as before, and who is passed is less urgent, young and of the same class', () => {
  fc.assert(
    fc.property(calls, (drawn) => {
      const all = drawn.map(({ waitedMs, ...rest }) => callOf(rest, waitedMs));
      const before = all.map(({ returning }) => returning);
      changePlaces(all, nowUs);
      const passed = all.filter((call, i) => before[i] === true && !call.returning);
      const ahead = all.filter((call, i) => before[i] === false && call.returning);
      for (const callClass of callClasses) {
        const of = (some: readonly Call[]): number[] =>
          some.filter((call) => call.callClass === callClass).map(({ priority }) => priority);
        expect(of(passed)).toHaveLength(of(ahead).length);
        // Of none, the least is infinite.
        expect(of(passed).filter((priority) => priority <= Math.min(...of(ahead)))).toEqual([]);
        // Nobody is left who could have passed somebody.
        const back = all.filter(
          ({ returning, first, urgent, stays, ticket }) =>
            returning &&
            !first &&
            !urgent &&
            !stays &&
            ticket !== null &&
            ticket.sinceUs > nowUs - 60_000_000,
        );
        const fresh = all.filter(({ returning, urgent, first }) => !returning && !urgent && !first);
        expect(Math.min(...of(fresh))).toBeGreaterThanOrEqual(Math.max(...of(back)));
      }
      for (const { urgent, first, stays, ticket } of passed) {
        expect([urgent, first, stays]).toEqual([false, false, false]);
        expect(nowUs - (ticket?.sinceUs ?? 0)).toBeLessThan(60_000_000);
      }
    }),
  );
});

test('without news of Redis nobody changes places', () => {
  const fresh = callOf({ callClass: 'look', priority: 0, first: false, stays: false }, null);
  const back = callOf({ callClass: 'look', priority: 9, first: false, stays: false }, 1000);
  changePlaces([fresh, back], null);
  expect([fresh.returning, back.returning]).toEqual([false, true]);
});
