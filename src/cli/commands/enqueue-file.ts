/** `enqueue --file`: a run a line, in batches; what is wrong with a line is said with its number, and the rest goes on. */

import { RunfleetBulkError } from '../../client/index.ts';
import type { CreateManyResult, Problem, RunfleetClient, RunInput, RunView } from '../../client/index.ts';
import type { Context } from '../context.ts';
import { styleOf } from '../format.ts';
import { readLines } from '../input.ts';
import type { Line } from '../input.ts';
import { exitCodes, InterruptedError } from '../io.ts';
import { printable } from '../output.ts';
import { isRecord, parseObject, settingsOf } from './run-options.ts';
import type { EnqueueOptions } from './run-options.ts';

const batchRuns = 1000;
const batchCharacters = 4 * 1024 * 1024;
/** Long polls open at a time. */
const waitsAtOnce = 32;

export async function enqueueFile(context: Context, options: EnqueueOptions, file: string): Promise<number> {
  const session = new Session(context, options);
  try {
    for await (const line of readLines(context.io, file, context.stopped())) {
      if (line.text.trim() !== '') await session.take(line);
    }
    await session.flush();
  } finally {
    session.summarize();
  }
  const ended = options.wait === true ? await session.waitForAll() : true;
  if (session.refused > 0) return exitCodes.failed;
  return ended ? exitCodes.ok : exitCodes.otherEnding;
}

class Session {
  refused = 0;
  private readonly accepted: string[] = [];
  private acceptedCount = 0;
  private readonly context: Context;
  private readonly options: EnqueueOptions;
  private readonly client: RunfleetClient;
  private readonly defaults: Omit<RunInput, 'request'>;
  private batch: { readonly number: number; readonly input: RunInput }[] = [];
  private batchLength = 0;

  constructor(context: Context, options: EnqueueOptions) {
    this.context = context;
    this.options = options;
    this.client = context.client(options);
    this.defaults = settingsOf(options);
  }

  async take(line: Line): Promise<void> {
    const fields = parseObject(line.text);
    if (fields === null) return this.refuse(line.number, 'This is not a JSON object.');
    const { request, metadata = {} } = fields;
    if (!isRecord(request)) return this.refuse(line.number, 'There is no object "request" in it.');
    if (!isTexts(metadata)) return this.refuse(line.number, '"metadata" holds something that is not text.');
    const both = { ...this.defaults.metadata, ...metadata };
    // The server has the last word on all the rest; only it knows all of the rules.
    const input = { ...this.defaults, ...fields, metadata: both, request };
    if (this.batch.length > 0 && this.batchLength + line.text.length > batchCharacters) await this.flush();
    this.batch.push({ number: line.number, input });
    this.batchLength += line.text.length;
    if (this.batch.length >= batchRuns) await this.flush();
  }

  async flush(): Promise<void> {
    const { batch } = this;
    if (batch.length === 0) return;
    this.batch = [];
    this.batchLength = 0;
    try {
      const inputs = batch.map(({ input }) => input);
      this.report(batch, await this.client.runs.createMany(inputs, { signal: this.context.stopped() }));
    } catch (error) {
      if (!(error instanceof RunfleetBulkError)) {
        this.doubt(batch, batch.length);
        throw error;
      }
      this.report(batch, error.results);
      this.doubt(batch.slice(error.results.length), error.mayHaveArrived ? error.inDoubt : 0);
      throw error.cause;
    }
  }

  /** Also when it went wrong half-way: what was accepted stays so. */
  summarize(): void {
    const { out } = this.context;
    if (this.acceptedCount + this.refused === 0) return;
    const refused = this.refused === 0 ? '' : out.paintMessage('red', `, ${this.refused} refused`);
    out.message(`${this.acceptedCount} accepted${refused}.`);
  }

  /** False when one ended otherwise than `completed`. */
  async waitForAll(): Promise<boolean> {
    const { out } = this.context;
    const ids = this.accepted.values();
    let left = this.accepted.length;
    let allCompleted = true;
    const follow = async (): Promise<void> => {
      for (const id of ids) {
        out.progress(`waiting for ${left} runs`);
        const run = await this.client.runs.wait(id, { signal: this.context.stopped() });
        left -= 1;
        if (run.status !== 'completed') allCompleted = false;
        this.showEnd(run);
      }
    };
    try {
      await Promise.all(Array.from({ length: waitsAtOnce }, follow));
      return allCompleted;
    } catch (error) {
      if (error instanceof InterruptedError) out.message(`${left} runs have not ended yet; they go on.`);
      throw error;
    } finally {
      out.endProgress();
    }
  }

  private showEnd(run: RunView): void {
    const { out } = this.context;
    if (this.options.json === true) out.json({ run });
    else out.line(`${printable(run.id)}  ${out.paint(styleOf(run.status), printable(run.status))}`);
  }

  private report(batch: readonly { readonly number: number }[], results: readonly CreateManyResult[]): void {
    const { out } = this.context;
    for (const [index, result] of results.entries()) {
      const line = batch[index]?.number ?? 0;
      if (result.error !== undefined) {
        this.refuse(line, result.error.message, result.error.problem);
        continue;
      }
      this.acceptedCount += 1;
      if (this.options.wait === true) this.accepted.push(result.run.id);
      if (this.options.json === true) out.json({ line, run: result.run });
      // With --wait, the id comes with the ending.
      else if (this.options.wait !== true) out.line(printable(result.run.id));
    }
    out.progress(`${this.acceptedCount} accepted, ${this.refused} refused`);
  }

  private refuse(line: number, message: string, problem?: Problem | null): void {
    this.refused += 1;
    this.context.out.message(`line ${line}: ${message}`);
    if (this.options.json === true) {
      this.context.out.json({ line, error: problem ?? { type: 'about:blank', title: message, status: 400 } });
    }
  }

  private doubt(rest: readonly { readonly number: number }[], inDoubt: number): void {
    const first = rest[0];
    if (first === undefined) return;
    const last = rest[inDoubt - 1];
    const next = last === undefined ? first.number : last.number + 1;
    if (last !== undefined) {
      this.context.out.message(
        `Lines ${first.number} to ${last.number} may have been accepted: look with runfleet list.`,
      );
    }
    this.context.out.message(`Lines from ${next} on were not sent.`);
  }
}

function isTexts(value: unknown): value is Record<string, string> {
  return isRecord(value) && Object.values(value).every((item) => typeof item === 'string');
}
