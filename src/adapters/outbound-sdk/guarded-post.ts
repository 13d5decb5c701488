import type { AllowList } from './allow-list.ts';
import { destinationOf } from './destination.ts';
import { exchange, type PostAsk, type PostFailure, type PostResult } from './exchange.ts';
import { guardedAgents, type Resolve, systemResolve } from './guarded-agent.ts';

export type { PostAsk, PostResult } from './exchange.ts';

/** One POST to a URL that somebody else chose. Never rejects. */
export interface GuardedPost {
  post(ask: PostAsk): Promise<PostResult>;
  /** Ends every connection, the calls on them too. Later calls fail as `aborted`. */
  close(): void;
}

export interface GuardedPostOptions {
  readonly allow: AllowList;
  /** Calls to one host at a time; further ones wait, within their timeout. Default 50. */
  readonly maxSocketsPerHost?: number;
  /** Default: the system's resolver. */
  readonly resolve?: Resolve;
}

export function createGuardedPost(options: GuardedPostOptions): GuardedPost {
  const { allow, maxSocketsPerHost = 50, resolve = systemResolve() } = options;
  const agents = guardedAgents({ allow, resolve, maxSocketsPerHost });
  let closed = false;
  return {
    async post(ask) {
      if (closed) return unsent('aborted', 'No calls are made any more.');
      const destination = destinationOf(ask.url, allow);
      if (!destination.ok) return unsent(destination.reason, destination.problem);
      return await exchange(agents, destination.url, ask);
    },
    close() {
      closed = true;
      agents.http.destroy();
      agents.https.destroy();
    },
  };
}

function unsent(reason: PostFailure['reason'], message: string): PostFailure {
  return { answered: false, reason, code: reason, message, sent: false, reusedConnection: false };
}
