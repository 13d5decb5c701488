/**
 * Which host may have how many of a process's calls at a time: one that hangs must not take the places of the others.
 *
 * A host begins with two places and earns one more by each quick answer, up to a quarter of all. One that is slow falls
 * back to a single place, and all hosts that have earned none hold half of the places together at most. A call that finds
 * no place comes back when its host is likely to have one, by how long the host has taken of late.
 */
export class HostTurnstile {
  private readonly hosts = new Map<string, Host>();
  private readonly mostPerHost: number;
  private readonly mostUnproven: number;
  private unprovenCalls = 0;

  constructor(places: number) {
    this.mostPerHost = Math.max(1, Math.floor(places / 4));
    this.mostUnproven = Math.max(1, Math.floor(places / 2));
  }

  /** `random`: from [0, 1). */
  enter(name: string, nowMs: number, random: number): Turn {
    const host = this.hosts.get(name) ?? newHost(nowMs);
    this.hosts.set(name, host);
    const unproven = host.places <= firstPlaces;
    const full = host.calls >= Math.min(host.places, this.mostPerHost);
    if (full || (unproven && this.unprovenCalls >= this.mostUnproven)) {
      return { admitted: false, delayMs: reserve(host, nowMs, random) };
    }
    host.calls += 1;
    if (unproven) this.unprovenCalls += 1;
    return { admitted: true, leave: (atMs) => this.leave(name, host, unproven, atMs - nowMs, atMs) };
  }

  /** Hosts that are remembered. */
  get size(): number {
    return this.hosts.size;
  }

  private leave(name: string, host: Host, unproven: boolean, tookMs: number, nowMs: number): void {
    host.calls -= 1;
    if (unproven) this.unprovenCalls -= 1;
    host.places = tookMs < slowMs ? Math.min(host.places + 1, this.mostPerHost) : 1;
    host.usualMs += (tookMs - host.usualMs) * newestWeight;
    host.lastCallAtMs = nowMs;
    // The one that was called last is the last in the map.
    this.hosts.delete(name);
    this.hosts.set(name, host);
    this.forget(nowMs);
  }

  private forget(nowMs: number): void {
    for (const [name, host] of this.hosts) {
      if (this.hosts.size <= mostHosts && nowMs - host.lastCallAtMs < memoryMs) return;
      if (host.calls > 0) return;
      this.hosts.delete(name);
    }
  }
}

export type Turn =
  | { readonly admitted: true; readonly leave: (nowMs: number) => void }
  | { readonly admitted: false; readonly delayMs: number };

interface Host {
  /** Calls under way. */
  calls: number;
  places: number;
  /** How long a call takes: recent ones weigh most. */
  usualMs: number;
  /** Until then, its places are spoken for by those that were sent away. */
  reservedUntilMs: number;
  lastCallAtMs: number;
}

const firstPlaces = 2;
const slowMs = 2000;
const newestWeight = 0.3;
const leastDelayMs = 50;
const mostDelayMs = 5 * 60_000;
const mostHosts = 10_000;
const memoryMs = 60 * 60_000;

function newHost(nowMs: number): Host {
  return { calls: 0, places: firstPlaces, usualMs: 200, reservedUntilMs: 0, lastCallAtMs: nowMs };
}

function reserve(host: Host, nowMs: number, random: number): number {
  const turnMs = host.usualMs / host.places;
  host.reservedUntilMs = Math.min(Math.max(host.reservedUntilMs, nowMs) + turnMs, nowMs + mostDelayMs);
  // Spread, since those beyond the longest delay would come back all at once.
  return Math.ceil(Math.max(leastDelayMs, (host.reservedUntilMs - nowMs) * (0.5 + random / 2)));
}
