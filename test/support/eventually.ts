import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';

export interface Patience {
  /** Give up after so long. Generous: it costs nothing when the state comes, and a slow machine is no defect. */
  readonly withinMs?: number;
  readonly everyMs?: number;
}

const defaultPatience = { withinMs: 30_000, everyMs: 20 };

/** Reads until `done` likes what it sees, and returns that. The error tells what was seen last. */
export async function eventually<T>(
  what: string,
  read: () => T | Promise<T>,
  done: (seen: T) => boolean,
  patience: Patience = {},
): Promise<T> {
  const { withinMs, everyMs } = { ...defaultPatience, ...patience };
  const giveUpAtMs = performance.now() + withinMs;
  for (;;) {
    const seen = await read();
    if (done(seen)) return seen;
    if (performance.now() >= giveUpAtMs) {
      const shown = inspect(seen, { depth: 6, maxStringLength: 500, maxArrayLength: 20 });
      throw new Error(`Waited ${withinMs} ms for ${what}. Last seen: ${shown}`);
    }
    await sleep(everyMs);
  }
}

/** Tries until `check` throws no more, and returns what it returned; else its last error comes out. */
export async function eventuallyPasses<T>(
  check: () => T | Promise<T>,
  { withinMs, everyMs }: Patience = {},
): Promise<T> {
  const giveUpAtMs = performance.now() + (withinMs ?? defaultPatience.withinMs);
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() >= giveUpAtMs) throw error;
    }
    await sleep(everyMs ?? defaultPatience.everyMs);
  }
}
