/** What strikes the fleet. Who, how and for how long is drawn from the seed. */

import { setTimeout as sleep } from 'node:timers/promises';
import { Draw } from './draw.ts';
import type { ChaosFleet } from './fleet.ts';
import type { Journal } from './journal.ts';
import type { Member } from './member.ts';

type Stroke = (fleet: ChaosFleet, journal: Journal, draw: Draw) => Promise<void>;

const kill: Stroke = async (fleet, journal, draw) => {
  const member = anyOf(fleet, draw);
  const downMs = draw.between(0, 1500);
  await journal.keep('kill -9', member.name, () => member.kill(downMs));
};

const roll: Stroke = async (fleet, journal, draw) => {
  const member = anyOf(fleet, draw);
  // Before it is ready it has nothing in hand, and the signal ends it as any other program.
  if (member.ready) await journal.keep('SIGTERM', member.name, () => member.roll());
};

const freeze: Stroke = async (fleet, journal, draw) => {
  const member = anyOf(fleet, draw);
  const ms = draw.between(6000, 12_000);
  await journal.keep('SIGSTOP', member.name, () => member.freeze(ms));
};

const killRedis: Stroke = async ({ redis }, journal, draw) => {
  const downMs = draw.between(0, 2000);
  await journal.keep('kill -9', 'redis', async () => {
    await redis.kill();
    await sleep(downMs);
    await redis.up();
  });
};

const freezeRedis: Stroke = async ({ redis }, journal) => {
  await journal.keep('SIGSTOP', 'redis', async () => {
    redis.freeze();
    await sleep(3000);
    redis.thaw();
  });
};

const cut: Stroke = async ({ wire }, journal, draw) => {
  const ms = draw.between(1000, 3000);
  await journal.keep('cut', 'wire', async () => {
    await wire.cut();
    await sleep(ms);
    await wire.restore();
  });
};

const lag: Stroke = async ({ wire }, journal, draw) => {
  const ms = draw.between(2000, 4000);
  wire.lagMs = draw.whole(20, 250);
  await journal.keep(`lag of ${wire.lagMs} ms`, 'wire', () => sleep(ms));
  wire.lagMs = 0;
};

const onProcesses: readonly Stroke[] = [kill, kill, kill, roll, roll, freeze];
const onRedis: readonly Stroke[] = [killRedis, freezeRedis, cut, lag];

/** Strikes every 2–5 s until `untilMs`, and resolves when all is whole again. */
export async function rage(
  fleet: ChaosFleet,
  journal: Journal,
  seed: number,
  untilMs: number,
): Promise<void> {
  const draw = Draw.from(seed, 'gremlins');
  const going = new Set<Promise<void>>();
  let redisIsWhole = Promise.resolve();
  for (let n = 0; ; n += 1) {
    const waitMs = draw.between(2000, 5000);
    if (Date.now() + waitMs >= untilMs) break;
    await sleep(waitMs);
    const own = Draw.from(seed, `stroke ${n}`);
    const atRedis = own.chance(0.35);
    const stroke = own.one(atRedis ? onRedis : onProcesses);
    // One trouble of Redis at a time: it is one machine.
    if (atRedis) await redisIsWhole;
    const struck = stroke(fleet, journal, own);
    if (atRedis) redisIsWhole = struck;
    going.add(struck);
  }
  await Promise.all(going);
}

/** One thing at a time befalls a place. */
function anyOf({ members }: ChaosFleet, draw: Draw): Member {
  return draw.one(members.filter(({ isStruck }) => !isStruck));
}
