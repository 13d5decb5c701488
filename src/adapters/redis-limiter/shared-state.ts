/** Trips to the account's state in Redis. The client is the caller's. */

import { createHash } from 'node:crypto';

import type { AccountState } from '../../domain/limiter/state.ts';
import { emptyRequest, type StepReply, type StepRequest } from '../../domain/limiter/step.ts';
import type { LimiterTerms } from '../../domain/limiter/terms.ts';
import { decodeReply, decodeState, encodeStep } from './codec.ts';
import type { LimiterKeys } from './keys.ts';
import { limiterScript, redisClockLua } from './lua/index.ts';

/** What is used of an `ioredis` client (`Redis` or `Cluster`). */
export interface ScriptClient {
  evalsha(sha: string, numberOfKeys: number, ...keysAndArgs: string[]): Promise<unknown>;
  eval(script: string, numberOfKeys: number, ...keysAndArgs: string[]): Promise<unknown>;
  hgetall(key: string): Promise<Record<string, string>>;
}

const script = limiterScript(redisClockLua);
const sha = createHash('sha1').update(script).digest('hex');

export class SharedState {
  readonly keys: LimiterKeys;
  private readonly client: ScriptClient;
  private readonly terms: LimiterTerms;

  constructor(client: ScriptClient, keys: LimiterKeys, terms: LimiterTerms) {
    this.client = client;
    this.keys = keys;
    this.terms = terms;
  }

  /** One trip. Rejects when Redis does, and then nothing is known of whether it was done. */
  async step(request: StepRequest): Promise<StepReply> {
    const { keys, args } = encodeStep(this.keys, this.terms, request);
    try {
      return decodeReply(await this.client.evalsha(sha, keys.length, ...keys, ...args));
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return decodeReply(await this.client.eval(script, keys.length, ...keys, ...args));
    }
  }

  async read(): Promise<{ readonly state: AccountState | null; readonly nowUs: number }> {
    // A step that asks for nothing brings the state up to date, and tells the time of the server that holds it.
    const { nowUs } = await this.step(emptyRequest);
    return { state: decodeState(await this.client.hgetall(this.keys.state)), nowUs };
  }
}
