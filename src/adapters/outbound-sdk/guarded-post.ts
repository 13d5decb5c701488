import type { AllowList } from './allow-list.ts';
import { destinationOf } from './destination.ts';
import { exchange, type PostAsk, type PostResult } from './exchange.ts';
import { guardedAgents, type Resolve, systemResolve } from './guarded-agent.ts';

export type { PostAsk, PostResult } from './exchange.ts';

/** One POST to a URL that somebody else chose. Never rejects. */
export interface GuardedPost {
  post(ask: PostAsk): Promise<PostResult>;
  /** Ends every connection, the calls on them too. */
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
  return {
    async post(ask) {
      const destination = destinationOf(ask.url, allow);
      if (destination.ok) return await exchange(agents, destination.url, ask);
      const { reason, problem } = destination;
      return {
        answered: false,
        reason,
        code: reason,
        message: problem,
        sent: false,
        reusedConnection: false,
      };
    },
    close() {
      agents.http.destroy();
      agents.https.destroy();
    },
  };
}
