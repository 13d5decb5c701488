export const callbacksQueue = 'callbacks';

/** What is kept of a callback beside its job, so that no try and no look at the queue moves a large output. */
export interface CallbackKeys {
  /** BullMQ's hash of the job. */
  job(id: string): string;
  /** What is POSTed. */
  body(id: string): string;
  /** BullMQ's set of jobs that failed for good, by the time of it. */
  readonly dead: string;
}

export function callbackKeys(prefix: string): CallbackKeys {
  return {
    job: (id) => `${prefix}:${callbacksQueue}:${id}`,
    body: (id) => `${prefix}:callback-body:${id}`,
    dead: `${prefix}:${callbacksQueue}:failed`,
  };
}

/** A callback that was given up can be sent again so long. */
export const keepDeadSeconds = 7 * 86_400;

/** A worker that dies right after the answer leaves it so long: for the one that takes the job up and sends it again. */
export const deliveredBodyLifeSeconds = 3600;

/** All tries, the slowest `Retry-After`s, and the time after them; started anew when it is sent again. */
export const bodyLifeSeconds = 12 * 86_400;
