/** Real processes of the fleet, ended with their test. */

import { afterAll, afterEach } from 'vitest';
import { type Env, type Exit, type Lifetime, RunfleetProcess } from './runfleet-process.ts';

export { type Env, type Lifetime, RunfleetProcess } from './runfleet-process.ts';

/** Processes that serve all tests of a file. Call it at the top, after `useRedis`. */
export function fileLifetime(): Lifetime {
  const failed: (() => unknown)[] = [];
  const finished: (() => unknown)[] = [];
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') for (const callback of failed) callback();
  });
  afterAll(async () => {
    for (const callback of finished.toReversed()) await callback();
  });
  return {
    onTestFailed: (callback) => failed.push(callback),
    onTestFinished: (callback) => finished.push(callback),
  };
}

export interface Finished extends Exit {
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that ends by itself. */
export async function runfleet(
  owner: Lifetime,
  args: readonly string[],
  env: Env,
  stdin = '',
): Promise<Finished> {
  const started = RunfleetProcess.spawn(owner, args, env);
  started.write(stdin);
  const exit = await started.exited;
  return { ...exit, stdout: started.stdout, stderr: started.stderr };
}
