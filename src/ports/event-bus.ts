import type { RunStatus } from '../domain/status.ts';

/** Small: who needs more reads the run. */
export interface RunEvent {
  readonly runId: string;
  readonly status: RunStatus;
  readonly atMs: number;
}

/**
 * Tells every process of the fleet what becomes of runs.
 *
 * At most once: an event can be lost with a connection, so `onGap` says when some may have been missed, and
 * listeners then read the runs they care for.
 */
export interface EventBus {
  publish(event: RunEvent): Promise<void>;
  /** Calls `listener` for every event of this run until the returned function is called. */
  subscribe(runId: string, listener: EventListener): () => void;
}

export interface EventListener {
  onEvent(event: RunEvent): void;
  onGap(): void;
}
