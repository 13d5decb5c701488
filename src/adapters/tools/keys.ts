import { createHash } from 'node:crypto';
import type { ToolCallRef } from '../../domain/tools.ts';

export const toolsQueue = 'tools';
/** Calls that a URL answers: served by the fleet itself. */
export const httpToolsQueue = 'tools-http';

/** What this adapter keeps in Redis. BullMQ's own names all begin with `<prefix>:tools:`. */
export interface ToolKeys {
  /** BullMQ's hash of the job. Beside BullMQ's fields: `owner`, `answer`, `withdrawn`. */
  job(jobId: string): string;
  /** BullMQ's stream of what becomes of jobs. */
  readonly events: string;
  /** Channel: ids of jobs whose handlers are to stop. */
  readonly withdrawals: string;
  /** Tool workers, by when they count as dead: milliseconds, Redis's clock. */
  readonly workers: string;
  /** Names of tools that are served, by when they no longer count as such. */
  readonly served: string;
}

export function toolKeys(prefix: string): ToolKeys {
  return {
    ...queueKeys(prefix, toolsQueue),
    withdrawals: `${prefix}:tool-withdrawals`,
    workers: `${prefix}:tool-workers`,
    served: `${prefix}:tools-served`,
  };
}

/** What the queue `tools-http` has of them. */
export type HttpToolKeys = Pick<ToolKeys, 'job' | 'events' | 'withdrawals'>;

export function httpToolKeys(prefix: string): HttpToolKeys {
  return { ...queueKeys(prefix, httpToolsQueue), withdrawals: `${prefix}:tool-http-withdrawals` };
}

function queueKeys(prefix: string, queue: string): Pick<ToolKeys, 'job' | 'events'> {
  return { job: (jobId) => `${prefix}:${queue}:${jobId}`, events: `${prefix}:${queue}:events` };
}

/** One job a call. Hashed, because BullMQ takes no colons, and providers may put anything into an id. */
export function toolJobId({ runId, round, toolCallId }: ToolCallRef): string {
  const digest = createHash('sha256').update(toolCallId).digest('hex').slice(0, 16);
  return `${runId}_${round}_${digest}`;
}
