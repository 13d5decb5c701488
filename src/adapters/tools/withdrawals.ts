import type { RedisClient } from '../redis-sdk/client.ts';
import type { ToolKeys } from './keys.ts';

/** Tells the handlers of this process that nobody waits for them any more. */
export class Withdrawals {
  private readonly client: RedisClient;
  private readonly subscriber: RedisClient;
  private readonly keys: Pick<ToolKeys, 'job' | 'withdrawals'>;
  private readonly listeners = new Map<string, () => void>();

  /** `subscriber`: a connection for this alone. */
  constructor(client: RedisClient, subscriber: RedisClient, keys: Pick<ToolKeys, 'job' | 'withdrawals'>) {
    this.client = client;
    this.subscriber = subscriber;
    this.keys = keys;
    subscriber.on('message', (_channel: string, jobId: string) => this.listeners.get(jobId)?.());
    subscriber.on('ready', () => {
      // What was told while the connection was lost stands in the jobs. Lost again at once, the next `ready` comes here.
      this.start()
        .then(() => this.recheck())
        .catch(() => {});
    });
  }

  async start(): Promise<void> {
    await this.subscriber.subscribe(this.keys.withdrawals);
  }

  listen(jobId: string, onWithdrawn: () => void): void {
    this.listeners.set(jobId, onWithdrawn);
  }

  forget(jobId: string): void {
    this.listeners.delete(jobId);
  }

  private async recheck(): Promise<void> {
    await Promise.all(
      [...this.listeners].map(async ([jobId, onWithdrawn]) => {
        const [data, withdrawn] = await this.client.hmget(this.keys.job(jobId), 'data', 'withdrawn');
        if (typeof data !== 'string' || typeof withdrawn === 'string') onWithdrawn();
      }),
    );
  }
}
