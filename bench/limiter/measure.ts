/** From permits and Redis's counters to the figures of the table. */

import { jain, worstWindow } from '../../test/support/arrivals.ts';
import type { Load, Report, Scheme } from './load.ts';

export interface Figures {
  readonly scheme: Scheme;
  readonly permits: number;
  /** The busiest window over the limit, in percent of the limit; 0 when none was over. */
  readonly overshootPercent: number;
  /** Of what two windows after the crowd came may hold. */
  readonly usePercent: number;
  /** Scripts and blocking pops that clients sent. */
  readonly tripsPerPermit: number;
  readonly redisMicrosPerPermit: number;
  /** Between the processes, 1 = all the same. */
  readonly jain: number;
}

export interface CommandCounts {
  readonly trips: number;
  readonly micros: number;
}

/** Commands that a client sends; what a script calls is counted within it. */
const sentByClients = ['evalsha', 'eval', 'bzpopmin'];

export function commandCounts(info: string): CommandCounts {
  let trips = 0;
  let micros = 0;
  for (const command of sentByClients) {
    const [, calls = '0', usec = '0'] =
      new RegExp(`cmdstat_${command}:calls=(\\d+),usec=(\\d+)`).exec(info) ?? [];
    trips += Number(calls);
    micros += Number(usec);
  }
  return { trips, micros };
}

export function figuresOf(load: Load, reports: readonly Report[], counts: CommandCounts): Figures {
  const { scheme, limit, windowMs, crowdAtMs, endAtMs } = load;
  const all = reports.flatMap(({ times }) => times);
  const permits = all.length;
  const during = (times: readonly number[]): number =>
    times.filter((at) => at >= crowdAtMs && at < endAtMs).length;
  const worst = worstWindow(all, windowMs);
  const shares = reports.map(({ times }) => during(times));
  return {
    scheme,
    permits,
    overshootPercent: (Math.max(0, worst - limit) / limit) * 100,
    usePercent: (during(all) / ((limit * (endAtMs - crowdAtMs)) / windowMs)) * 100,
    tripsPerPermit: counts.trips / permits,
    redisMicrosPerPermit: counts.micros / permits,
    jain: jain(shares),
  };
}
