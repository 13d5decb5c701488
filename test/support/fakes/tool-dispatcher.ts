import { StoreUnavailableError } from '../../../src/domain/errors.ts';
import type { ToolCallRef } from '../../../src/domain/tools.ts';
import type { ToolCallJob, ToolDispatcher, ToolReturn } from '../../../src/ports/tool-calls.ts';

/** Keeps what it is given. Answers come from the test: kept in `returns`, only a reconcile finds them. */
export class FakeToolDispatcher implements ToolDispatcher {
  readonly dispatched: ToolCallJob[] = [];
  readonly withdrawn: ToolCallRef[] = [];
  readonly returns: ToolReturn[] = [];
  /** The next dispatch comes to nothing. */
  dieNext = false;
  /** No withdrawal comes to anything. */
  holdsOn = false;

  async dispatch(calls: readonly ToolCallJob[]): Promise<void> {
    await Promise.resolve();
    if (this.dieNext) {
      this.dieNext = false;
      throw new StoreUnavailableError('Redis is gone.');
    }
    this.dispatched.push(...calls.filter((call) => !this.dispatched.some((known) => isSame(known, call))));
  }

  async withdraw(calls: readonly ToolCallRef[]): Promise<void> {
    await Promise.resolve();
    if (this.holdsOn) throw new StoreUnavailableError('Redis is gone.');
    this.withdrawn.push(...calls);
  }

  async reconcile(calls: readonly ToolCallRef[]): Promise<readonly ToolReturn[]> {
    await Promise.resolve();
    return this.returns.filter((answer) => calls.some((call) => isSame(call, answer)));
  }
}

function isSame(a: ToolCallRef, b: ToolCallRef): boolean {
  return a.runId === b.runId && a.round === b.round && a.toolCallId === b.toolCallId;
}
