import { Cluster, type ClusterNode, Redis, type RedisOptions } from 'ioredis';

/** A connection to a server, to a Sentinel's master or to a cluster. */
export type RedisClient = Redis | Cluster;

/**
 * `patient`: commands wait for a lost server as long as it takes; for workers, whose jobs can wait.
 * `prompt`: commands fail within seconds; for the API, whose callers are told to come back.
 */
export type Patience = 'patient' | 'prompt';

export class RedisUrlError extends Error {
  override readonly name = 'RedisUrlError';
}

const promptCommandTimeoutMs = 5000;
const silenceMs = 15_000;
/** Some 2 s. */
const promptRedirections = 20;
/** Some 30 s; then the step is put back. */
const patientRedirections = 300;

/**
 * ioredis says no `end` when it is disconnected while it waits to connect again, and BullMQ waits for that word: a worker
 * that was told to stop then would hang. From the status `wait` it does say it. BullMQ makes its blocking connections by
 * `duplicate`, so those are mended as well.
 */
function sayingItsEnd<C extends Pick<Redis, 'status' | 'disconnect' | 'duplicate'>>(client: C): C {
  const disconnect = client.disconnect.bind(client);
  const duplicate = client.duplicate.bind(client);
  return Object.assign(client, {
    disconnect(reconnect = false): void {
      if (!reconnect && client.status === 'reconnecting') client.status = 'wait';
      disconnect(reconnect);
    },
    duplicate: (override?: Partial<RedisOptions>) => sayingItsEnd(duplicate(override)),
  });
}

/**
 * Connects to `REDIS_URL`, in one of its forms:
 * - `redis://[user:password@]host[:6379][/db]`, or `rediss://…` for TLS
 * - `redis+sentinel://[user:password@]host1[:26379],host2,…/master-name[/db]` (`rediss+sentinel://` for TLS)
 * - `redis+cluster://[user:password@]host1[:6379],host2,…` (`rediss+cluster://` for TLS)
 *
 * Throws `RedisUrlError`, which never contains the password.
 */
export function connectRedis(url: string, patience: Patience): RedisClient {
  const target = parseRedisUrl(url);
  const options = {
    ...target.auth,
    ...(target.tls ? { tls: {} } : {}),
    ...(patience === 'patient'
      ? { maxRetriesPerRequest: null }
      : { maxRetriesPerRequest: 1, commandTimeout: promptCommandTimeoutMs }),
    // A server that vanished without a word is given up: longer than any blocking wait (BullMQ's take 10 s at most).
    socketTimeout: silenceMs,
    // Capped: a server that is back is found within two seconds.
    retryStrategy: (attempt: number) => Math.min(50 * 2 ** Math.min(attempt, 6), 2000),
    // A failover leaves connections to a demoted master behind: its READONLY is the sign to reconnect.
    reconnectOnError: (error: Error) => (error.message.startsWith('READONLY') ? (2 as const) : false),
  } satisfies RedisOptions;
  switch (target.form) {
    case 'server': {
      const { host, port } = target.nodes[0];
      return sayingItsEnd(new Redis({ ...options, host, port, db: target.db }));
    }
    case 'sentinel':
      return sayingItsEnd(
        new Redis({
          ...options,
          // A master that hangs keeps its connections open: Sentinel tells that there is another.
          failoverDetector: true,
          // Without it, what Sentinel names would be reached in clear text.
          ...(target.tls ? { enableTLSForSentinelMode: true, sentinelTLS: {} } : {}),
          sentinels: target.nodes.map(({ host, port }) => ({ host, port })),
          name: target.master,
          db: target.db,
        }),
      );
    case 'cluster':
      return new Cluster(
        target.nodes.map(({ host, port }): ClusterNode => ({ host, port })),
        {
          redisOptions: options,
          clusterRetryStrategy: (attempt) => Math.min(100 * attempt, 2000),
          // While a slot moves, what needs several of its keys is refused, and is tried again each 100 ms.
          maxRedirections: patience === 'patient' ? patientRedirections : promptRedirections,
        },
      );
    default: {
      const never: never = target.form;
      return never;
    }
  }
}

interface Node {
  readonly host: string;
  readonly port: number;
}

interface RedisTarget {
  readonly form: 'server' | 'sentinel' | 'cluster';
  readonly tls: boolean;
  readonly nodes: readonly [Node, ...Node[]];
  readonly auth: { readonly username?: string; readonly password?: string };
  readonly master: string;
  readonly db: number;
}

const urlForm = /^(rediss?)(?:\+(sentinel|cluster))?:\/\/(?:([^@/]*)@)?([^/?]*)(?:\/([^?]*))?(?:\?.*)?$/;

export function parseRedisUrl(url: string): RedisTarget {
  const match = urlForm.exec(url);
  if (match === null)
    throw new RedisUrlError('REDIS_URL must look like redis://host:6379 (see docs/configuration.md).');
  const [, scheme, form = 'server', credentials, hosts = '', path = ''] = match;
  const isSentinel = form === 'sentinel';
  const nodes = hosts.split(',').map((host) => parseNode(host, isSentinel ? 26_379 : 6379));
  const [first, ...rest] = nodes;
  if (first === undefined) throw new RedisUrlError('REDIS_URL names no host.');
  if (form === 'server' && rest.length > 0) {
    throw new RedisUrlError('REDIS_URL names several hosts: use redis+sentinel:// or redis+cluster://.');
  }
  const parts = path.split('/').filter((part) => part !== '');
  const master = isSentinel ? (parts.shift() ?? '') : '';
  if (isSentinel && master === '')
    throw new RedisUrlError('REDIS_URL lacks the master name: redis+sentinel://host/NAME.');
  const db = Number(parts[0] ?? 0);
  if (!Number.isInteger(db) || db < 0 || parts.length > 1)
    throw new RedisUrlError('REDIS_URL ends in a wrong database number.');
  return {
    form: form === 'sentinel' || form === 'cluster' ? form : 'server',
    tls: scheme === 'rediss',
    nodes: [first, ...rest],
    auth: parseCredentials(credentials ?? ''),
    master,
    db,
  };
}

function parseNode(text: string, defaultPort: number): Node {
  // IPv6 addresses stand in brackets.
  const match = /^(\[[\da-f:.]+\]|[\w.-]+)?(?::(\d{1,5}))?$/i.exec(text);
  const port = Number(match?.[2] ?? defaultPort);
  if (match === null || port < 1 || port > 65_535)
    throw new RedisUrlError('REDIS_URL names a host that cannot be read.');
  return { host: (match[1] ?? 'localhost').replaceAll(/[[\]]/g, ''), port };
}

function parseCredentials(text: string): RedisTarget['auth'] {
  if (text === '') return {};
  const colon = text.indexOf(':');
  const username = decodeURIComponent(colon === -1 ? text : text.slice(0, colon));
  const password = colon === -1 ? '' : decodeURIComponent(text.slice(colon + 1));
  return { ...(username === '' ? {} : { username }), ...(password === '' ? {} : { password }) };
}
