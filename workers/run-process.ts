import { type Role, startProcess, type StartOptions } from '../src/runtime/index.ts';

/** One process of the fleet, from its environment to its exit code. */
export async function runProcess(role: Role, env: StartOptions['env']): Promise<void> {
  try {
    await startProcess(role, { env });
  } catch (error) {
    const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
    const expected = name === 'ConfigError' || name === 'StartError';
    process.stderr.write(`runfleet ${role}: ${expected ? message : (stack ?? message)}\n`);
    process.exitCode = 1;
  }
}
