import type { EventBus, EventListener, RunEvent } from '../../../src/ports/event-bus.ts';

/** Delivers at once, in the order of publishing. */
export class FakeEventBus implements EventBus {
  /** All that was published, also what nobody listened to. */
  readonly published: RunEvent[] = [];
  /** Set: `publish` rejects with it, as while Redis is away. */
  failure: Error | null = null;
  private readonly listeners = new Map<string, Set<{ readonly listener: EventListener }>>();

  async publish(event: RunEvent): Promise<void> {
    await Promise.resolve();
    if (this.failure !== null) throw this.failure;
    this.published.push(event);
    for (const { listener } of this.of(event.runId)) attempt(() => listener.onEvent(event));
  }

  subscribe(runId: string, listener: EventListener): () => void {
    // An entry of its own for each subscription: the same listener may come twice, and leave once.
    const entry = { listener };
    const entries = this.listeners.get(runId) ?? new Set();
    this.listeners.set(runId, entries.add(entry));
    return () => {
      entries.delete(entry);
    };
  }

  /** The connection was lost for a while: everybody is told. */
  gap(): void {
    for (const runId of this.listeners.keys())
      for (const { listener } of this.of(runId)) attempt(() => listener.onGap());
  }

  listenerCount(runId: string): number {
    return this.listeners.get(runId)?.size ?? 0;
  }

  statusesOf(runId: string): readonly string[] {
    return this.published.filter((event) => event.runId === runId).map(({ status }) => status);
  }

  private of(runId: string): readonly { readonly listener: EventListener }[] {
    return [...(this.listeners.get(runId) ?? [])];
  }
}

/** One listener that throws must not keep the others from hearing. */
function attempt(tell: () => void): void {
  try {
    tell();
  } catch {
    // Nobody to tell: the publisher is not to blame.
  }
}
