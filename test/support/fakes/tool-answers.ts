import type { ToolCall } from '../../../src/domain/snapshot.ts';
import type { TimedAnswer } from '../../../src/domain/tools.ts';
import type { Kept, ToolAnswers, ToolReturn } from '../../../src/ports/tool-calls.ts';

interface Round {
  readonly calls: readonly ToolCall[];
  readonly answers: Map<string, TimedAnswer>;
}

export class FakeToolAnswers implements ToolAnswers {
  private readonly runs = new Map<string, Map<number, Round>>();

  async open(runId: string, round: number, calls: readonly ToolCall[]): Promise<void> {
    await Promise.resolve();
    const rounds = this.runs.get(runId) ?? new Map<number, Round>();
    this.runs.set(runId, rounds);
    if (!rounds.has(round)) rounds.set(round, { calls, answers: new Map() });
  }

  async keep({ runId, round, toolCallId, ...answer }: ToolReturn): Promise<Kept> {
    await Promise.resolve();
    const rounds = this.runs.get(runId);
    const asked = rounds?.get(round);
    if (rounds === undefined || asked === undefined || round !== Math.max(...rounds.keys()))
      return 'not_asked';
    if (!asked.calls.some(({ id }) => id === toolCallId)) return 'not_asked';
    if (asked.answers.has(toolCallId)) return 'known';
    asked.answers.set(toolCallId, answer);
    return asked.answers.size === asked.calls.length ? 'complete' : 'kept';
  }

  async read(
    runId: string,
    round: number,
    toolCallIds: readonly string[],
  ): Promise<ReadonlyMap<string, TimedAnswer>> {
    await Promise.resolve();
    const answers = this.runs.get(runId)?.get(round)?.answers ?? new Map<string, TimedAnswer>();
    return new Map([...answers].filter(([id]) => toolCallIds.includes(id)));
  }

  async unanswered(runId: string, round: number): Promise<readonly ToolCall[]> {
    await Promise.resolve();
    const asked = this.runs.get(runId)?.get(round);
    return asked?.calls.filter(({ id }) => !asked.answers.has(id)) ?? [];
  }
}
