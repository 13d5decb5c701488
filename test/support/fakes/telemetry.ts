import type { RunOutcome, RunSpec, RunState } from '../../../src/domain/run.ts';
import type {
  ApiCallReport,
  CallbackResult,
  PaceReport,
  PollReport,
  StreamResult,
  Telemetry,
  ToolCallReport,
} from '../../../src/ports/telemetry.ts';

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Keeps all that it is told. */
export class RecordingTelemetry implements Telemetry {
  readonly apiCalls: ApiCallReport[] = [];
  readonly ended: { readonly spec: RunSpec; readonly state: RunState; readonly outcome: RunOutcome }[] = [];
  readonly logs: LogLine[] = [];
  readonly polls: PollReport[] = [];
  readonly toolCalls: ToolCallReport[] = [];
  readonly callbacks: CallbackResult[] = [];
  readonly paces: PaceReport[] = [];
  readonly streams: StreamResult[] = [];
  throttledCount = 0;

  apiCall(report: ApiCallReport): void {
    this.apiCalls.push(report);
  }

  runEnded(spec: RunSpec, state: RunState, outcome: RunOutcome): void {
    this.ended.push({ spec, state, outcome });
  }

  polled(report: PollReport): void {
    this.polls.push(report);
  }

  toolCall(report: ToolCallReport): void {
    this.toolCalls.push(report);
  }

  callbackTried(result: CallbackResult): void {
    this.callbacks.push(result);
  }

  paced(report: PaceReport): void {
    this.paces.push(report);
  }

  streamed(result: StreamResult): void {
    this.streams.push(result);
  }

  throttled(): void {
    this.throttledCount += 1;
  }

  log(level: LogLine['level'], message: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.logs.push({ level, message, fields });
  }

  logged(level: LogLine['level']): readonly LogLine[] {
    return this.logs.filter((line) => line.level === level);
  }
}
