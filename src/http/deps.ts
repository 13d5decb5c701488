import type { Queue } from 'bullmq';
import type { Logger } from 'pino';
import type { ReceiveWebhookDeps } from '../app/receive-webhook.ts';
import type { KeyRing } from './auth/key-ring.ts';
import type { SubmitDeps } from '../app/submit.ts';
import type { DeadCallbacks } from '../ports/dead-callbacks.ts';
import type { DurationStore } from '../ports/duration-store.ts';
import type { QuotaView } from '../domain/wire/quota-view.ts';
import type { EventBus } from '../ports/event-bus.ts';
import type { OutputFeed } from '../ports/run-stream.ts';
import type { ToolAnswers } from '../ports/tool-calls.ts';

/** What the app needs of the world. Whoever composes it owns every connection in here, and closes it. */
export interface HttpDeps extends SubmitDeps {
  readonly events: EventBus;
  readonly answers: ToolAnswers;
  readonly webhooks: ReceiveWebhookDeps;
  /** The output of streamed runs. */
  readonly output: OutputFeed;
  /** Who may come in. An open one asks for no key, and the listener must be bound to loopback. */
  readonly keys: KeyRing;
  readonly readiness: () => Promise<Readiness>;
  readonly metrics: () => Promise<MetricsPage>;
  /** Limits, use and waiting calls per class; without it `GET /v1/quota` answers 501. */
  readonly quota?: () => Promise<QuotaView>;
  /** What was learnt of how long runs take. */
  readonly durations: DurationStore;
  readonly deadCallbacks: DeadCallbacks;
  /** Counts those who read the events of runs; absent: nobody counts. */
  readonly eventReaders?: EventReaders;
  /** Shown on the board, read only. */
  readonly boardQueues: readonly Queue[];
  readonly logger: Logger;
  readonly limits?: Partial<HttpLimits>;
  /** Aborts at shutdown: long waits are answered at once, with the run as it is. */
  readonly stopping: AbortSignal;
}

export interface Readiness {
  readonly ok: boolean;
  readonly checks: Readonly<Record<string, { readonly ok: boolean; readonly detail?: string }>>;
}

export interface MetricsPage {
  readonly contentType: string;
  readonly body: string;
}

export interface EventReaders {
  came(): void;
  /** `cut`: it took nothing for too long. */
  went(how: 'left' | 'cut'): void;
}

export interface HttpLimits {
  /** A larger body is answered 413, after decompression too. */
  readonly bodyBytes: number;
  /** A larger webhook is refused: anybody may send one. */
  readonly webhookBytes: number;
  /** How long `readiness` may take before `/readyz` answers 503 without it. */
  readonly readinessMs: number;
  /** A reader of events that takes nothing for so long is cut off; it comes back with the id of the last one it has. */
  readonly drainMs: number;
}

export const defaultLimits: HttpLimits = {
  bodyBytes: 8 * 1024 * 1024,
  webhookBytes: 256 * 1024,
  readinessMs: 5000,
  drainMs: 30_000,
};
