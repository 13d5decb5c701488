/** Looks at sizes every two seconds, for their course over the time. */

import type { Redis } from 'ioredis';
import type { FleetProcesses } from '../fleet/processes.ts';
import { redisMbWithoutEvents } from '../overload/redis-memory.ts';

const everyMs = 2000;

export class Watch {
  /** By name: one size each time. */
  private readonly courses = new Map<string, number[]>();
  private readonly timer: NodeJS.Timeout;

  constructor(fleet: FleetProcesses, redis: Redis) {
    this.timer = setInterval(() => void this.look(fleet, redis), everyMs);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** Of each, the mean of the last third over that of the first. 1 is flat. */
  ratios(): Record<string, number> {
    return Object.fromEntries(
      [...this.courses].map(([name, course]) => {
        const third = Math.max(1, Math.floor(course.length / 3));
        return [
          `${name}, last third / first third`,
          mean(course.slice(-third)) / mean(course.slice(0, third)),
        ];
      }),
    );
  }

  /** Ten of its sizes, evenly spread. */
  course(name: string): number[] {
    const all = this.courses.get(name) ?? [];
    return Array.from(
      { length: Math.min(10, all.length) },
      (_, at) => all[Math.floor((at * all.length) / 10)] ?? 0,
    );
  }

  private async look(fleet: FleetProcesses, redis: Redis): Promise<void> {
    const [resident, mb, keys] = await Promise.all([
      fleet.residentMb(),
      redisMbWithoutEvents(redis),
      redis.dbsize(),
    ]);
    for (const [name, size] of Object.entries({ ...resident, 'Redis, MB': mb, keys })) {
      const course = this.courses.get(name) ?? [];
      this.courses.set(name, course);
      course.push(size);
    }
  }
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
