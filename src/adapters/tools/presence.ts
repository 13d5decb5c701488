import { randomUUID } from 'node:crypto';
import type { RedisClient } from '../redis-sdk/client.ts';
import type { ToolKeys } from './keys.ts';
import { beat, isServed } from './scripts.ts';
import { mostBlockedMs, StandIn } from './stand-in.ts';
import type { ToolSet } from './tool.ts';

export interface PresenceOptions {
  readonly client: RedisClient;
  readonly keys: ToolKeys;
  /** That this worker serves. */
  readonly tools: ToolSet;
  /** Silent for longer, a worker counts as dead. */
  readonly aliveMs: number;
  /** Absent: a process whose event loop is blocked for longer counts as dead too. */
  readonly redisUrl?: string | undefined;
}

/** A tool is looked for that long after its last worker was heard of: time to start it again. */
const servedMs = 60_000;
/** After an outage, all have so long to come back before any counts as dead. */
const settleMs = 5000;
const farewellMs = 1000;
/** Of the time that a beat keeps a worker alive. */
const beatShare = 1 / 3;

/** Says that this worker is alive and what it serves, and knows it of the others. */
export class Presence {
  readonly id = randomUUID();
  private readonly options: PresenceOptions;
  private timer: NodeJS.Timeout | null = null;
  private beating = false;
  private connectedAtMs = 0;
  private standIn: StandIn | null = null;

  constructor(options: PresenceOptions) {
    this.options = options;
    // A first connection is no outage: whoever is silent then has been so for longer.
    this.connectedAtMs = -settleMs;
    let lost = false;
    options.client.on('close', () => (lost = true));
    options.client.on('ready', () => {
      if (lost) this.connectedAtMs = performance.now();
      this.beat();
    });
  }

  async start(): Promise<void> {
    await this.send();
    const { aliveMs, keys, redisUrl, tools } = this.options;
    this.timer = setInterval(() => this.beat(), aliveMs * beatShare);
    if (redisUrl === undefined) return;
    const { workers, served } = keys;
    this.standIn = new StandIn({
      redisUrl,
      workers,
      served,
      id: this.id,
      aliveMs,
      servedMs,
      mostBlockedMs: mostBlockedMs(tools),
    });
  }

  /** From now on, what this worker still has in hand may be taken over. */
  async stop(): Promise<void> {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    await this.standIn?.stop();
    const gone = this.options.client.zrem(this.options.keys.workers, this.id);
    // Without Redis there is nobody to tell; it finds out by itself.
    await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, farewellMs).unref())]);
  }

  /** Whether a worker that says nothing may be taken for dead, and has not just been cut off as we were. */
  get settled(): boolean {
    return performance.now() - this.connectedAtMs >= settleMs;
  }

  /** Whoever has had word of Redis within this time has beaten so lately that it counts as alive. */
  get surelyAliveMs(): number {
    return this.options.aliveMs * (1 - 2 * beatShare);
  }

  async servedByOthers(name: string): Promise<boolean> {
    return (await isServed.run(this.options.client, [this.options.keys.served], [name])) === 1;
  }

  private beat(): void {
    this.standIn?.alive();
    if (this.timer === null || this.beating) return;
    this.beating = true;
    this.send()
      // The connection tells of its own trouble; the next beat comes.
      .catch(() => {})
      .finally(() => (this.beating = false));
  }

  private async send(): Promise<void> {
    const { client, keys, tools, aliveMs } = this.options;
    await beat.run(client, [keys.workers, keys.served], [this.id, aliveMs, servedMs, ...tools.keys()]);
  }
}
