import type { RunCall } from '../../../src/domain/decision.ts';
import { traitsOfSeen } from '../../../src/domain/polling/class-key.ts';
import type { RunTraits } from '../../../src/domain/run.ts';
import { type FaultDetails, isProviderFault, ProviderFault } from '../../../src/domain/fault.ts';
import type { ProviderRef, ProviderSnapshot, RunOutput } from '../../../src/domain/snapshot.ts';
import type { RunKind } from '../../../src/domain/status.ts';
import type {
  GroupLooks,
  ProviderRequest,
  RequestProblem,
  RunProvider,
  ToolSubmission,
} from '../../../src/ports/run-provider.ts';
import { aFault, over, running } from './builders.ts';

/** One run at the fake provider. */
interface FakeProviderRun extends ProviderRef {
  readonly runId: string;
  /** What each look tells, in turn; the last one stays. */
  steps: readonly ProviderSnapshot[];
}

/** `retrieveMany`: a look at several. */
type ProviderCall = RunCall | 'retrieveMany';

interface Mishap {
  readonly call: ProviderCall | 'any';
  readonly error: Error;
  /** The call has its effect all the same; only its reply is lost. */
  readonly processed: boolean;
}

export interface FakeCall {
  readonly call: ProviderCall;
  /** Whose run it was; null when the provider knows no such run. */
  readonly runId: string | null;
}

/** Plays what each run was scripted to do, and keeps a ledger of the calls. */
export class FakeProvider implements RunProvider {
  readonly kind: RunKind;
  readonly calls: FakeCall[] = [];
  readonly submissions: ToolSubmission[] = [];
  readonly toolOutputLimits = { eachBytes: 1000, totalBytes: 1500 };
  /** What a cancel does: the run is over at once, over at the next look, or goes on as if nothing were. */
  cancelBehaviour: 'ends' | 'accepted' | 'ignored' = 'ends';
  separateOutput: RunOutput = { text: 'The answer.', items: [{ type: 'message' }] };
  /** Called as a call comes in, before it is answered: a place to let something happen meanwhile. */
  onCall: (call: ProviderCall) => void | Promise<void> = () => {};
  /** Runs on one thread are looked at together. */
  readonly groupLooks?: GroupLooks;
  private readonly hidden = new Set<string>();
  private readonly runs: FakeProviderRun[] = [];
  private readonly scripts = new Map<string, readonly ProviderSnapshot[]>();
  private readonly mishaps: Mishap[] = [];
  private plan: (request: ProviderRequest) => readonly ProviderSnapshot[] = () => [running('queued'), over()];

  constructor(kind: RunKind = 'responses') {
    this.kind = kind;
    if (kind !== 'assistants') return;
    this.groupLooks = {
      groupOf: ({ threadId }) => threadId,
      mostRuns: 3,
      retrieveMany: (refs) => this.retrieveMany(refs),
    };
  }

  /** What the run that carries `runId` tells: the first step answers its create, each look takes the next. */
  script(runId: string, ...steps: readonly ProviderSnapshot[]): void {
    this.scripts.set(runId, steps);
  }

  /** The same for runs without a script of their own. */
  scriptBy(plan: (request: ProviderRequest) => readonly ProviderSnapshot[]): void {
    this.plan = plan;
  }

  /** The next call of this sort fails. An `Error` that is no fault is thrown as it is. */
  failNext(
    call: ProviderCall | 'any',
    fault: FaultDetails | Error,
    options: { readonly processed?: boolean } = {},
  ): void {
    const error = fault instanceof Error ? fault : new ProviderFault(fault);
    this.mishaps.push({ call, error, processed: options.processed ?? false });
  }

  count(call: ProviderCall): number {
    return this.calls.filter((made) => made.call === call).length;
  }

  /** How many runs were really started for this id: two is a run paid for twice. */
  startedFor(runId: string): number {
    return this.runs.filter((run) => run.runId === runId).length;
  }

  /** What this run is called here; null if it was never started. */
  idOf(runId: string): string | null {
    return this.runs.find((run) => run.runId === runId)?.providerRunId ?? null;
  }

  create(request: ProviderRequest, runId: string): Promise<ProviderSnapshot> {
    return this.answer('create', runId, () => {
      const steps = this.scripts.get(runId) ?? this.plan(request);
      const run = {
        providerRunId: `prov-${this.runs.length + 1}`,
        threadId: this.threadOf(request),
        runId,
        steps,
      };
      this.runs.push(run);
      return view(run);
    });
  }

  retrieve(ref: ProviderRef): Promise<ProviderSnapshot> {
    const run = this.lookUp(ref);
    return this.answer('retrieve', run?.runId ?? null, () => {
      const found = known(run);
      step(found);
      return view(found);
    });
  }

  /** As a run that is on another page. */
  hideFromLists(runId: string): void {
    this.hidden.add(runId);
  }

  private retrieveMany(refs: readonly ProviderRef[]): Promise<ReadonlyMap<string, ProviderSnapshot>> {
    return this.answer('retrieveMany', null, () => {
      const shown = refs
        .flatMap((ref) => this.lookUp(ref) ?? [])
        .filter(({ runId }) => !this.hidden.has(runId));
      for (const run of shown) step(run);
      return new Map(shown.map((run) => [run.providerRunId, view(run)]));
    });
  }

  submit(submission: ToolSubmission): Promise<ProviderSnapshot> {
    const run = this.lookUp(submission.ref);
    return this.answer('submit', run?.runId ?? null, () => {
      const found = known(run);
      const asks = view(found);
      // As the real ones do: what nobody waits for is refused.
      const answered = new Set(submission.outputs.map(({ toolCallId }) => toolCallId));
      const asked = (asks.toolCalls ?? []).map(({ id }) => id);
      if (asked.length === 0 || !asked.every((id) => answered.has(id)))
        throw new ProviderFault(aFault('refused'));
      this.submissions.push(submission);
      if (asks.phase === 'running') {
        step(found);
        return view(found);
      }
      const next = { ...found, providerRunId: `prov-${this.runs.length + 1}`, steps: found.steps.slice(1) };
      this.runs.push(next);
      return view(next);
    });
  }

  cancel(ref: ProviderRef): Promise<ProviderSnapshot> {
    const run = this.lookUp(ref);
    return this.answer('cancel', run?.runId ?? null, () => {
      const found = known(run);
      if (view(found).phase === 'running' && this.cancelBehaviour !== 'ignored') {
        found.steps = [running('cancelling'), over('cancelled')];
        if (this.cancelBehaviour === 'ends') step(found);
      }
      return view(found);
    });
  }

  fetchOutput(ref: ProviderRef): Promise<RunOutput> {
    const run = this.lookUp(ref);
    return this.answer('fetchOutput', run?.runId ?? null, () => {
      known(run);
      return this.separateOutput;
    });
  }

  canFind(request: ProviderRequest): boolean {
    return typeof request['thread_id'] === 'string';
  }

  async find(request: ProviderRequest, runId: string): Promise<ProviderSnapshot | null> {
    if (!this.canFind(request)) throw new Error('This request names no thread to look in.');
    try {
      return await this.answer('find', runId, () => {
        const run = this.runs.find((candidate) => candidate.runId === runId);
        return run === undefined ? null : view(run);
      });
    } catch (error) {
      if (isProviderFault(error) && error.details.type === 'not_found') return null;
      throw error;
    }
  }

  validate(request: ProviderRequest): readonly RequestProblem[] {
    const model = request['model'];
    return model === undefined || typeof model === 'string'
      ? []
      : [{ path: ['model'], message: 'The model is not a string.' }];
  }

  laneOf(request: ProviderRequest): string | null {
    const lane = request['thread_id'] ?? request['conversation'];
    return typeof lane === 'string' ? lane : null;
  }

  traitsOf(request: ProviderRequest): RunTraits {
    return traitsOfSeen({ model: request['model'] });
  }

  private threadOf(request: ProviderRequest): string | null {
    if (this.kind !== 'assistants') return null;
    const { thread_id: threadId } = request as { readonly thread_id?: unknown };
    return typeof threadId === 'string' ? threadId : `thread-${this.runs.length + 1}`;
  }

  private lookUp(ref: ProviderRef): FakeProviderRun | undefined {
    return this.runs.find(({ providerRunId }) => providerRunId === ref.providerRunId);
  }

  private async answer<T>(call: ProviderCall, runId: string | null, act: () => T): Promise<T> {
    this.calls.push({ call, runId });
    await this.onCall(call);
    const index = this.mishaps.findIndex((mishap) => mishap.call === call || mishap.call === 'any');
    if (index === -1) return structuredClone(act());
    const [mishap] = this.mishaps.splice(index, 1);
    if (mishap?.processed === true) act();
    throw mishap?.error;
  }
}

function known(run: FakeProviderRun | undefined): FakeProviderRun {
  if (run === undefined) throw new ProviderFault(aFault('not_found'));
  return run;
}

function step(run: FakeProviderRun): void {
  // What has ended stays as it is.
  if (run.steps.length > 1 && view(run).phase === 'running') run.steps = run.steps.slice(1);
}

function view(run: FakeProviderRun): ProviderSnapshot {
  const [current] = run.steps;
  if (current === undefined) throw new Error(`The script of run ${run.runId} is empty.`);
  return { ...current, providerRunId: run.providerRunId, threadId: run.threadId, runId: run.runId };
}
