/** The only place that knows of the runtime: loaded when a process command is given, so that the others start fast. */

import type { CliIo } from './io.ts';

export type ProcessRole = 'api' | 'runs' | 'tools' | 'callbacks' | 'all';

/** Runs one process of the fleet. The runtime has its own signals, logs and shutdown. */
export async function startProcess(role: ProcessRole, env: CliIo['env']): Promise<void> {
  const runtime = await import('../runtime/index.ts');
  await runtime.startProcess(role, { env });
}
