import type { Logger } from 'pino';
import type { RunOutcome, RunSpec, RunState } from '../../domain/run.ts';
import { totalCalls } from '../../domain/run.ts';
import { toolErrorCodes } from '../../domain/tools.ts';
import type {
  ApiCallReport,
  CallbackResult,
  PaceReport,
  PollReport,
  StreamResult,
  Telemetry,
  ToolCallReport,
} from '../../ports/telemetry.ts';
import type { Metrics } from './metrics.ts';

const mostToolNames = 100;
/** Codes that other workers made up count as `failed`. */
const toolResults: ReadonlySet<string> = new Set(['ok', ...toolErrorCodes]);

/** Counts into Prometheus, logs with pino. */
export class PrometheusTelemetry implements Telemetry {
  private readonly metrics: Metrics;
  private readonly logger: Logger;
  private readonly toolNames = new Set<string>();

  constructor(metrics: Metrics, logger: Logger) {
    this.metrics = metrics;
    this.logger = logger;
  }

  apiCall({ kind, operation, code }: ApiCallReport): void {
    this.metrics.apiCalls.inc({ kind, operation, code });
  }

  runEnded(spec: RunSpec, state: RunState, outcome: RunOutcome): void {
    const { metrics } = this;
    const { kind } = spec;
    const foundBy = outcome.foundBy ?? 'none';
    metrics.runs.inc({ kind, outcome: outcome.status });
    metrics.callsPerRun.observe(
      { kind, outcome: outcome.status, found_by: foundBy },
      totalCalls(state.calls),
    );
    metrics.runDuration.observe(
      { kind, outcome: outcome.status },
      (outcome.detectedAtMs - spec.acceptedAtMs) / 1000,
    );
    if (outcome.detectionDelayMs !== null) {
      metrics.detectionDelay.observe({ kind, found_by: foundBy }, outcome.detectionDelayMs / 1000);
    }
    if (outcome.usage !== null) {
      // Only states of older versions name none.
      const { account = 'default' } = state;
      metrics.tokens.inc({ account, kind, direction: 'input' }, outcome.usage.inputTokens);
      metrics.tokens.inc({ account, kind, direction: 'output' }, outcome.usage.outputTokens);
    }
    this.logger.info(
      {
        runId: spec.id,
        providerRunId: 'providerRunId' in state ? state.providerRunId : null,
        kind,
        outcome: outcome.status,
        error: outcome.error?.code,
        calls: totalCalls(state.calls),
      },
      'run ended',
    );
  }

  polled({ kind, looks, expectedLooks, backoffLooks, costSeconds, backoffCostSeconds }: PollReport): void {
    const { polls } = this.metrics;
    polls.looks.inc({ kind }, looks);
    if (expectedLooks !== null) polls.expectedLooks.inc({ kind }, expectedLooks);
    polls.backoffLooks.inc({ kind }, backoffLooks);
    polls.costSeconds.inc({ kind }, costSeconds);
    polls.backoffCostSeconds.inc({ kind }, backoffCostSeconds);
  }

  toolCall({ tool: name, result, durationMs }: ToolCallReport): void {
    const { calls, durationSeconds } = this.metrics.tools;
    const tool = this.toolLabel(name);
    calls.inc({ tool, result: toolResults.has(result) ? result : 'failed' });
    if (durationMs !== null) durationSeconds.observe({ tool }, durationMs / 1000);
  }

  /** The model may call what nobody has: only so many names become labels. */
  private toolLabel(name: string): string {
    if (this.toolNames.size < mostToolNames) this.toolNames.add(name);
    return this.toolNames.has(name) ? name : 'other';
  }

  callbackTried(result: CallbackResult): void {
    this.metrics.callbacks.inc({ result });
  }

  paced({ priceSeconds, webhookChance }: PaceReport): void {
    const { polls } = this.metrics;
    polls.priceSeconds.set(priceSeconds);
    if (webhookChance !== null) polls.webhookArrival.set(webhookChance);
  }

  streamed(result: StreamResult): void {
    this.metrics.streams.inc({ result });
  }

  throttled(account: string): void {
    this.metrics.throttled.inc({ account });
  }

  log(
    level: 'debug' | 'info' | 'warn' | 'error',
    message: string,
    fields: Readonly<Record<string, unknown>> = {},
  ): void {
    const { error, ...rest } = fields;
    this.logger[level](error === undefined ? rest : { ...rest, err: error }, message);
  }
}
