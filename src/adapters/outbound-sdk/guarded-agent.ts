import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import { Agent as HttpAgent, type ClientRequestArgs } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { Duplex } from 'node:stream';
import { callbackify } from 'node:util';
import { isPublicAddress } from './addresses.ts';
import type { AllowList } from './allow-list.ts';

/** All addresses of a name. Rejects as `dns.lookup` does. */
export type Resolve = (host: string) => Promise<readonly LookupAddress[]>;

/** No address that the host has may be called. */
export class BlockedAddressError extends Error {
  override readonly name = 'BlockedAddressError';
}

export interface Agents {
  readonly http: HttpAgent;
  readonly https: HttpsAgent;
}

export interface AgentOptions {
  readonly allow: AllowList;
  readonly resolve: Resolve;
  readonly maxSocketsPerHost: number;
}

type OnCreate = (error: Error | null, stream: Duplex) => void;
type Connect = (options: ClientRequestArgs, onCreate?: OnCreate) => Duplex | null | undefined;

/** Below the 5 s after which many servers close an idle connection, so that we are the first. */
const idleMs = 4000;
/** For each address of a host, before the next is tried. Node's own 250 ms are less than some round trips. */
const attemptTimeoutMs = 2000;

/**
 * Agents whose every connection goes to an address that was checked: the check is part of connecting, so a name that
 * resolves to something else the next time gains nothing. They keep connections, and know no proxies.
 */
export function guardedAgents(options: AgentOptions): Agents {
  const settings = { keepAlive: true, maxSockets: options.maxSocketsPerHost, timeout: idleMs };
  const http = new HttpAgent(settings);
  // The environment can switch the verification off for a whole process; not for callers' URLs.
  const https = new HttpsAgent({ ...settings, rejectUnauthorized: true });
  for (const agent of [http, https]) {
    const connect: Connect = agent.createConnection.bind(agent);
    agent.createConnection = guard(connect, options);
  }
  return { http, https };
}

function guard(connect: Connect, { allow, resolve }: AgentOptions): Connect {
  return (options, onCreate) => {
    const host = options.host ?? '';
    const port = Number(options.port);
    const mayCall = (address: string): boolean =>
      allow.allowsHost(host, port) || isPublicAddress(address) || allow.allowsAddress(address, port);
    // An address is connected to without a lookup.
    if (isIP(host) !== 0 && !mayCall(host)) {
      onCreate?.(blocked(host), new Duplex());
      return null;
    }
    const lookup = checkedLookup(resolve, mayCall);
    const attempts = { autoSelectFamily: true, autoSelectFamilyAttemptTimeout: attemptTimeoutMs };
    return connect({ ...options, ...attempts, lookup }, onCreate);
  };
}

/** Hands out checked addresses only, to a socket that connects to nothing else. */
function checkedLookup(resolve: Resolve, mayCall: (address: string) => boolean): LookupFunction {
  const checkedAddresses = callbackify(async (host: string) => {
    const checked = (await resolve(host)).filter(({ address }) => mayCall(address));
    if (checked.length === 0) throw blocked(host);
    return checked;
  });
  return (host, { all }, callback) => {
    checkedAddresses(host, (error, checked) => {
      const first = checked?.[0];
      if (error !== null || first === undefined) callback(error, '');
      else if (all === true) callback(null, checked);
      else callback(null, first.address, first.family);
    });
  };
}

function blocked(host: string): BlockedAddressError {
  return new BlockedAddressError(`${host} is not a public address, and it is not allowed.`);
}

/**
 * The system's resolver, asked once at a time for each name: it has four threads, and a name whose server does not
 * answer would take them all.
 */
export function systemResolve(): Resolve {
  const underWay = new Map<string, Promise<readonly LookupAddress[]>>();
  return (host) => {
    const known = underWay.get(host);
    if (known !== undefined) return known;
    const asked = Promise.withResolvers<readonly LookupAddress[]>();
    underWay.set(host, asked.promise);
    systemLookup(host, { all: true, order: 'verbatim' }, (error, addresses) => {
      underWay.delete(host);
      if (error === null) asked.resolve(addresses);
      else asked.reject(error);
    });
    return asked.promise;
  };
}
