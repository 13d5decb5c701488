/** Errors that runfleet throws on purpose. Each has a literal `name`, so that it is known across bundles. */

export abstract class RunfleetError extends Error {
  abstract override readonly name: string;
}

export interface FieldError {
  /** From the root of the body: `['request', 'assistant_id']`. */
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** What was sent cannot be accepted; `fields` names each thing wrong. */
export class InvalidInputError extends RunfleetError {
  override readonly name = 'InvalidInputError';
  readonly fields: readonly FieldError[];

  constructor(fields: readonly FieldError[]) {
    super(fields.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '));
    this.fields = fields;
  }
}

export class InvalidCursorError extends RunfleetError {
  override readonly name = 'InvalidCursorError';
}

export class RunNotFoundError extends RunfleetError {
  override readonly name = 'RunNotFoundError';

  constructor(id: string) {
    super(`There is no run ${id}. It may have been removed after its retention time.`);
  }
}

/** The `Idempotency-Key` stands for another request. */
export class IdempotencyMismatchError extends RunfleetError {
  override readonly name = 'IdempotencyMismatchError';

  constructor(runId: string) {
    super(
      `This Idempotency-Key was used for run ${runId} with another body. Use a new key for a new request.`,
    );
  }
}

/** The run is still going, and what was asked needs one that has ended. */
export class RunStillOpenError extends RunfleetError {
  override readonly name = 'RunStillOpenError';

  constructor(id: string) {
    super(`Run ${id} has not ended yet. Cancel it first, or wait for its end.`);
  }
}

/** What the run was asked to be cannot be read, so it cannot be asked again. */
export class RunNotRedrivableError extends RunfleetError {
  override readonly name = 'RunNotRedrivableError';

  constructor(id: string) {
    super(`What run ${id} was asked to be is not in a form that can be sent again. Send it as a new run.`);
  }
}

/** An inbound webhook that is not the provider's, or cannot be read. */
export class WebhookRefusedError extends RunfleetError {
  override readonly name = 'WebhookRefusedError';
}

/** As many runs are in flight as the fleet may hold; later there will be room. */
export class BacklogFullError extends RunfleetError {
  override readonly name = 'BacklogFullError';

  constructor(limit: number) {
    super(`The fleet has ${limit} runs in flight, which is its limit (RUNFLEET_BACKLOG_LIMIT).`);
  }
}

/** The run waits for no answers of tools: it has ended, went on, or never asked. */
export class ToolsNotAwaitedError extends RunfleetError {
  override readonly name = 'ToolsNotAwaitedError';

  constructor(id: string) {
    super(`Run ${id} waits for no tool outputs.`);
  }
}

/** Another worker holds this run now; whatever this one was about to write is void. */
export class ActivationLostError extends RunfleetError {
  override readonly name = 'ActivationLostError';
}

/** Redis cannot be reached, or refuses to write. What was to be written may be written all the same. */
export class StoreUnavailableError extends RunfleetError {
  override readonly name = 'StoreUnavailableError';
}

/** A run was on its way to Redis, which did not say that it has it. It may have. */
export class AcceptanceUnknownError extends RunfleetError {
  override readonly name = 'AcceptanceUnknownError';

  constructor(cause: Error) {
    super(`Redis did not say whether it has taken what was sent: ${cause.message}`, { cause });
  }
}
