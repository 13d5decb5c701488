import * as z from 'zod';
import { runStatuses } from '../../domain/status.ts';
import type { EventBus, EventListener, RunEvent } from '../../ports/event-bus.ts';
import type { RedisClient } from '../redis-sdk/client.ts';
import { onRedis } from '../redis-sdk/errors.ts';
import type { RedisKeys } from './keys.ts';

const message = z.object({ runId: z.string(), status: z.enum(runStatuses), atMs: z.number() });

/** One channel for the fleet: each process hears all runs and passes on those that somebody here waits for. */
export class RedisEventBus implements EventBus {
  private readonly client: RedisClient;
  private readonly subscriber: RedisClient | null;
  private readonly keys: RedisKeys;
  private readonly listeners = new Map<string, Set<EventListener>>();

  /** `subscriber`: a connection for this alone, since a subscribed one takes no other command; null to publish only. */
  constructor(client: RedisClient, subscriber: RedisClient | null, keys: RedisKeys) {
    this.client = client;
    this.subscriber = subscriber;
    this.keys = keys;
    subscriber?.on('message', (channel: string, text: string) => {
      if (channel === keys.events) this.deliver(text);
    });
    // The client subscribes again by itself after a lost connection; what was said meanwhile is gone.
    subscriber?.on('ready', () => this.tellGap());
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
    group.add(listener);
    return () => {
      group.delete(listener);
      if (group.size === 0 && this.listeners.get(runId) === group) this.listeners.delete(runId);
    };
  }

  private deliver(text: string): void {
    const parsed = message.safeParse(safeJson(text));
    if (!parsed.success) return;
    for (const listener of this.listeners.get(parsed.data.runId) ?? []) listener.onEvent(parsed.data);
  }

  private tellGap(): void {
    for (const group of this.listeners.values()) for (const listener of group) listener.onGap();
  }
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
