/** `wait --follow`: a run's news, as they come. */

import type { RunEvent, RunfleetClient } from '../../client/index.ts';
import type { Context, FleetOptions } from '../context.ts';
import { styleOf } from '../format.ts';
import { InterruptedError } from '../io.ts';
import { printable } from '../output.ts';
import { exitCodeOf } from './command.ts';

/**
 * Text goes to stdout as it is written, statuses to stderr; with `--json` one event a line. Resolves with the exit code
 * once the run has ended.
 */
export async function tailRun(
  context: Context,
  client: RunfleetClient,
  id: string,
  options: FleetOptions,
): Promise<number> {
  const printer = new Printer(context, options.json === true);
  const signal = context.stopped();
  try {
    for await (const event of client.runs.events(id, { signal })) {
      printer.print(event);
      if (event.type === 'done') return exitCodeOf(event.run);
    }
  } catch (error) {
    if (error instanceof InterruptedError) {
      printer.endLine();
      context.out.message(`Run ${id} goes on. Follow it with: runfleet wait --follow ${id}`);
    }
    throw error;
  }
  throw new Error('The events of the run ended before the run did.');
}

class Printer {
  private readonly context: Context;
  private readonly json: boolean;
  private written = '';
  private status = '';

  constructor(context: Context, json: boolean) {
    this.context = context;
    this.json = json;
  }

  print(event: RunEvent): void {
    const { out } = this.context;
    if (this.json) {
      out.json(event);
      return;
    }
    if (event.type === 'output') {
      this.write(event.text);
      return;
    }
    const { run } = event;
    // A run that is not streamed tells its output at its end.
    if (event.type === 'done' && this.written === '' && run.output_text !== null) this.write(run.output_text);
    if (event.type === 'done') this.endLine();
    if (run.status === this.status) return;
    this.status = run.status;
    const word = out.paintMessage(styleOf(run.status), printable(run.status));
    const why = run.error === null ? '' : `: ${printable(run.error.message)}`;
    // Not into the middle of a line of text.
    if (this.written === '' || event.type === 'done') out.message(`${printable(run.id)}  ${word}${why}`);
  }

  endLine(): void {
    if (this.json || this.written === '' || this.written.endsWith('\n')) return;
    this.write('\n');
  }

  private write(text: string): void {
    // What a model wrote shall not steer the terminal.
    const shown = printable(text);
    if (shown === '') return;
    this.context.out.text(shown);
    this.written = shown;
  }
}
