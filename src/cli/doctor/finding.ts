/** What a check found. Checks are functions of what they look at, so that tests hand them anything. */

export type Verdict = 'ok' | 'warn' | 'fail';

export interface Finding {
  /** Stable, for scripts: `redis.eviction`. */
  readonly check: string;
  readonly verdict: Verdict;
  /** What was found. Never holds a secret. */
  readonly message: string;
  /** What to do about it. */
  readonly advice?: string;
}

export function ok(check: string, message: string): Finding {
  return { check, verdict: 'ok', message };
}

export function warn(check: string, message: string, advice: string): Finding {
  return { check, verdict: 'warn', message, advice };
}

export function fail(check: string, message: string, advice: string): Finding {
  return { check, verdict: 'fail', message, advice };
}

export type Env = Readonly<Record<string, string | undefined>>;

/** A variable's value; empty ones count as unset, as everywhere in runfleet. */
export function setting(env: Env, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === '' ? undefined : value;
}
