import { createHash } from 'node:crypto';
import type { RedisClient } from './client.ts';

/** A Lua script, sent once to each server and called by its hash from then on. */
export class Script {
  readonly lua: string;
  private readonly sha: string;

  constructor(lua: string) {
    this.lua = lua;
    this.sha = createHash('sha1').update(lua).digest('hex');
  }

  async run(
    client: RedisClient,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    try {
      return await client.evalsha(this.sha, keys.length, ...keys, ...args);
    } catch (error) {
      // A new server, or one that was restarted, has not seen it yet.
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return await client.eval(this.lua, keys.length, ...keys, ...args);
    }
  }
}
