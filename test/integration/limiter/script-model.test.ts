import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { decodeReply, decodeState, encodeStep } from '../../../src/adapters/redis-limiter/codec.ts';
import { limiterKeys } from '../../../src/adapters/redis-limiter/keys.ts';
import { limiterScript } from '../../../src/adapters/redis-limiter/lua/index.ts';
import { askKinds } from '../../../src/domain/limiter/booking.ts';
import type { AccountState } from '../../../src/domain/limiter/state.ts';
import { step, type StepReply, type StepRequest } from '../../../src/domain/limiter/step.ts';
import { defaultSettings, type LimiterSettings, termsOf } from '../../../src/domain/limiter/terms.ts';
import { RedisServer } from './redis-server.ts';

const givenClockLua = `
local function readClock() return tonumber(ARGV[4]) end
local function readEpoch() return ARGV[5] end
`;
const script = limiterScript(givenClockLua);
const startUs = 1_760_000_000_000_000;

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

function withDefaults(some: Partial<LimiterSettings>): LimiterSettings {
  return { ...defaultSettings, ...some };
}

const settings = fc
  .record({
    requests: fc.constantFrom<(number | null)[]>(null, 0, 1, 7, 100, 3000, 60_000),
    tokens: fc.constantFrom<(number | null)[]>(null, 0, 500, 100_000),
    classRequests: fc.constantFrom<LimiterSettings['classRequests'][]>(
      {},
      { create: 50 },
      { look: 900, cancel: 30 },
    ),
    freeClasses: fc.constantFrom<LimiterSettings['freeClasses'][]>([], ['look'], ['other']),
    windowMs: fc.constantFrom(60_000, 5000),
    headroomShare: fc.constantFrom(0, 0.003, 0.05),
  })
  .map((some): LimiterSettings => withDefaults({ jitterMs: some.windowMs / 100, ...some }));

const ask = fc.record({
  classIndex: fc.integer({ min: 0, max: 4 }),
  kind: fc.constantFrom(...askKinds),
  tokens: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 2000 })),
  id: fc.constantFrom('a', 'b', 'c', 'd'),
});
const headerCount = fc.oneof(fc.constant(-1), fc.integer({ min: 0, max: 4000 }));

const action = fc.record({
  afterUs: fc.oneof(fc.integer({ min: 0, max: 5000 }), fc.integer({ min: 0, max: 20_000_000 })),
  epoch: fc.oneof({ weight: 30, arbitrary: fc.constant('same') }, fc.constant('other')),
  lower: fc.oneof({ weight: 9, arbitrary: fc.constant(1) }, fc.constant(2)),
  backShare: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1, noNaN: true })),
  asks: fc.array(ask, { maxLength: 40 }),
  pauseUs: fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 30_000_000 })),
  seen: fc.option(
    fc.record({
      agoUs: fc.integer({ min: 0, max: 500_000 }),
      limitRequests: headerCount,
      remainingRequests: headerCount,
      limitTokens: headerCount,
      remainingTokens: headerCount,
      throttles: fc.constantFrom(0, 0, 1),
      bareThrottles: fc.constantFrom(0, 0, 1),
    }),
  ),
  sent: fc.oneof(
    { weight: 3, arbitrary: fc.constant<StepRequest['sent']>([0, 0, 0, 0, 0]) },
    { weight: 1, arbitrary: fc.tuple(fc.nat(900), fc.nat(99), fc.nat(9), fc.nat(9), fc.nat(9)) },
  ),
  settle: fc.array(fc.record({ id: fc.constantFrom('a', 'b'), tokens: fc.integer({ min: 0, max: 3000 }) }), {
    maxLength: 2,
  }),
});

function sorted<T>(map: Map<number, T>): [number, T][] {
  return [...map].sort(([a], [b]) => a - b);
}

/** What the hash holds of it: reservations lie elsewhere. */
function comparable(state: AccountState | null): unknown {
  if (state === null) return null;
  const { reservations: _reservations, usage, tokenUse, ...rest } = state;
  return { ...rest, usage: sorted(usage), tokenUse: sorted(tokenUse) };
}

test('the script does what its model does', async () => {
  const client = server.client();
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(settings, fc.array(action, { minLength: 1, maxLength: 25 }), async (chosen, actions) => {
      const keys = limiterKeys('{test}', String(++runs));
      let nowUs = startUs;
      let model: AccountState | null = null;
      let slots: number[] = [];
      for (const { afterUs, epoch, lower, asks, pauseUs, seen, settle, sent, backShare } of actions) {
        nowUs += afterUs;
        const terms = termsOf({
          ...chosen,
          requests: chosen.requests === null ? null : Math.ceil(chosen.requests / lower),
        });
        const request: StepRequest = {
          asks,
          back: slots.slice(0, Math.floor(slots.length * backShare)),
          backEpoch: 'same',
          pauseUs,
          seen: seen === null ? null : { ...seen, atUs: nowUs - seen.agoUs },
          settle,
          sent,
        };
        const expected = step(model, terms, request, nowUs, epoch);
        model = expected.state;
        const call = encodeStep(keys, terms, request);
        const raw = await client.eval(
          script,
          call.keys.length,
          ...call.keys,
          ...call.args,
          String(nowUs),
          epoch,
        );
        const reply = decodeReply(raw);
        slots = reply.answers.flatMap((answer) => (answer.type === 'slot' ? [answer.atUs] : []));
        expect(rounded(reply)).toEqual(rounded(expected.reply));
        expect(comparable(decodeState(await client.hgetall(keys.state)))).toEqual(comparable(model));
      }
    }),
    { numRuns: 150 },
  );
  await client.quit();
});

/** Times to come back may be fractions; in the reply they have some digits fewer. */
function rounded(reply: StepReply): unknown {
  return JSON.parse(
    JSON.stringify(reply, (_, value) => (typeof value === 'number' ? Math.round(value) : value)),
  );
}
