/** `api`, `runs`, `tools`, `all`: the processes of the fleet. All they are told comes from the environment. */

import type { ProcessRole } from '../processes.ts';
import { exitCodes } from '../io.ts';
import { examples } from './command.ts';
import type { Registration } from './command.ts';

const roles: readonly {
  readonly role: ProcessRole;
  readonly description: string;
  readonly example: string;
}[] = [
  { role: 'api', description: 'serve the HTTP API', example: 'REDIS_URL=redis://10.0.0.5:6379 runfleet api' },
  {
    role: 'runs',
    description: 'carry runs to their end; start as many of these as you like',
    example: 'REDIS_URL=redis://10.0.0.5:6379 RUNFLEET_CONCURRENCY=500 runfleet runs',
  },
  {
    role: 'tools',
    description: 'serve the tool calls of runs with a module of functions',
    example: 'REDIS_URL=redis://10.0.0.5:6379 RUNFLEET_TOOLS_MODULE=./tools.ts runfleet tools',
  },
  { role: 'all', description: 'everything in one process', example: 'OPENAI_API_KEY=… runfleet all' },
];

export function registerProcesses({ program, context, finish }: Registration): void {
  for (const { role, description, example } of roles) {
    const command = program.command(role).description(description);
    examples(command, [example]).addHelpText(
      'after',
      '\nSet up by the environment: see docs/configuration.md. Logs are JSON lines already.',
    );
    command.action(async () => {
      await context.deps.startProcess(role, context.io.env);
      finish(exitCodes.ok);
    });
  }
}
