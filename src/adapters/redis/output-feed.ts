import type { OutputFeed, OutputListener, OutputPiece } from '../../ports/run-stream.ts';
import type { RedisClient } from '../redis-sdk/client.ts';
import { onRedis } from '../redis-sdk/errors.ts';
import type { RedisKeys } from './keys.ts';

/** Pieces a read, which a slow reader holds: what a run writes in 20 s, some kilobytes. */
const batch = 256;

/** One connection for all subscribers of this process: it hears the runs alone that somebody here waits for. */
export class RedisOutputFeed implements OutputFeed {
  private readonly client: RedisClient;
  private readonly subscriber: RedisClient;
  private readonly keys: RedisKeys;
  private readonly onError: (error: unknown) => void;
  private readonly listeners = new Map<string, Set<{ readonly listener: OutputListener }>>();

  constructor(
    client: RedisClient,
    subscriber: RedisClient,
    keys: RedisKeys,
    onError: (error: unknown) => void,
  ) {
    this.client = client;
    this.subscriber = subscriber;
    this.keys = keys;
    this.onError = onError;
    subscriber.on('message', (channel: string, text: string) => this.deliver(channel, text));
    // What was published while the line was down is in the pieces that are kept.
    subscriber.on('ready', () => {
      for (const channel of this.listeners.keys()) this.hear(channel);
    });
  }

  async read(runId: string, offset: number): Promise<readonly OutputPiece[]> {
    const from = `${offset + 1}-0`;
    const entries = await onRedis(() =>
      this.client.xrange(this.keys.output(runId), from, '+', 'COUNT', batch),
    );
    return entries.map(([id, fields]) => ({
      end: Number.parseInt(id, 10),
      text: fields[fields.indexOf('text') + 1] ?? '',
    }));
  }

  subscribe(runId: string, listener: OutputListener): () => void {
    const channel = this.keys.output(runId);
    const group = this.listeners.get(channel) ?? new Set();
    // An object of its own: the same listener may subscribe twice.
    const subscription = { listener };
    group.add(subscription);
    if (!this.listeners.has(channel)) {
      this.listeners.set(channel, group);
      this.hear(channel);
    }
    return () => {
      group.delete(subscription);
      if (group.size > 0 || this.listeners.get(channel) !== group) return;
      this.listeners.delete(channel);
      this.subscriber.unsubscribe(channel).catch(() => {});
    };
  }

  /** What is published before the subscription is confirmed is not heard: only then is the gap over. */
  private hear(channel: string): void {
    this.subscriber.subscribe(channel).then(
      () => this.tell(channel, (listener) => listener.onGap()),
      // Lost again at once: the next `ready` comes here as well.
      () => {},
    );
  }

  private deliver(channel: string, text: string): void {
    if (!this.listeners.has(channel)) return;
    const colon = text.indexOf(':');
    const piece = { end: Number(text.slice(0, colon)), text: text.slice(colon + 1) };
    if (Number.isInteger(piece.end)) this.tell(channel, (listener) => listener.onPiece(piece));
  }

  private tell(channel: string, call: (listener: OutputListener) => void): void {
    for (const { listener } of this.listeners.get(channel) ?? []) {
      try {
        call(listener);
      } catch (error) {
        this.onError(error);
      }
    }
  }
}
