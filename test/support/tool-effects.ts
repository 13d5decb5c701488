/** What the tools of test/support/tools-module.ts have done. */

import type { Redis } from 'ioredis';

export interface Effect {
  readonly what: 'started' | 'done' | 'aborted';
  readonly toolCallId: string;
  readonly pid: number;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
}

export function effectsKey(prefix: string): string {
  return `${prefix}:test-effects`;
}

export async function readEffects(client: Redis, prefix: string): Promise<Effect[]> {
  const texts = await client.lrange(effectsKey(prefix), 0, -1);
  return texts.map((text): Effect => JSON.parse(text));
}
