import * as z from 'zod';
import { runStatuses } from '../../domain/status.ts';
import type { EventBus, EventListener, RunEvent } from '../../ports/event-bus.ts';
import type { RedisClient } from '../redis-sdk/client.ts';
import { onRedis } from '../redis-sdk/errors.ts';
import type { RedisKeys } from './keys.ts';

const message = z.object({ runId: z.string(), status: z.enum(runStatuses), atMs: z.number() });

interface Subscription {
  readonly listener: EventListener;
}

/** One channel for the fleet: each process hears all runs and passes on those that somebody here waits for. */
export class RedisEventBus implements EventBus {
  private readonly client: RedisClient;
  private readonly subscriber: RedisClient | null;
  private readonly keys: RedisKeys;
  private readonly onListenerError: (error: unknown) => void;
  private readonly listeners = new Map<string, Set<Subscription>>();

  /** `subscriber`: a connection for this alone, since a subscribed one takes no other command; null to publish only. */
  constructor(
    client: RedisClient,
    subscriber: RedisClient | null,
    keys: RedisKeys,
    onListenerError: (error: unknown) => void,
  ) {
    this.onListenerError = onListenerError;
    this.client = client;
    this.subscriber = subscriber;
    this.keys = keys;
    subscriber?.on('message', (channel: string, text: string) => {
      if (channel === keys.events) this.deliver(text);
    });
    // The client subscribes again by itself after a lost connection, but says nothing when it has. Until our own
    // subscription is confirmed, what is published is lost: only then is the gap over.
    subscriber?.on('ready', () => {
      subscriber.subscribe(keys.events).then(
        () => this.tellGap(),
        // Lost again at once: the next `ready` comes here as well.
        () => {},
      );
    });
  }

  /** Resolves once this process hears everything that is published from now on. */
  async start(): Promise<void> {
    const { subscriber } = this;
    if (subscriber !== null) await onRedis(() => subscriber.subscribe(this.keys.events));
  }

  async publish(event: RunEvent): Promise<void> {
    await onRedis(() => this.client.publish(this.keys.events, JSON.stringify(event)));
  }

  subscribe(runId: string, listener: EventListener): () => void {
    const group = this.listeners.get(runId) ?? new Set();
    this.listeners.set(runId, group);
    // An object of its own: the same listener may subscribe twice.
    const subscription = { listener };
    group.add(subscription);
    return () => {
      group.delete(subscription);
      if (group.size === 0 && this.listeners.get(runId) === group) this.listeners.delete(runId);
    };
  }

  private deliver(text: string): void {
    const parsed = message.safeParse(safeJson(text));
    if (!parsed.success) return;
    for (const each of this.listeners.get(parsed.data.runId) ?? [])
      this.tell(() => each.listener.onEvent(parsed.data));
  }

  private tellGap(): void {
    for (const group of this.listeners.values())
      for (const each of group) this.tell(() => each.listener.onGap());
  }

  /** One listener's mistake is no matter of the others. */
  private tell(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.onListenerError(error);
    }
  }
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
