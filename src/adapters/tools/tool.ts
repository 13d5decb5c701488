/** A tool, as a module of functions defines it. */

/** What of https://standardschema.dev is used here; zod 4, valibot and arktype have it. */
export interface ArgumentsSchema {
  readonly '~standard': {
    readonly validate: (value: unknown) => SchemaResult | Promise<SchemaResult>;
  };
}

export interface SchemaResult {
  readonly value?: unknown;
  readonly issues?: readonly SchemaIssue[] | undefined;
}

export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

export interface ToolContext {
  /** Aborted when nobody waits any more: timeout, deadline, cancel. Its `reason` says which. */
  readonly signal: AbortSignal;
  /** The provider's id of this call: the idempotency key of whatever the tool does. */
  readonly toolCallId: string;
  readonly runId: string;
}

export interface Tool {
  /** A text goes to the model as it is, any other JSON value as its JSON text. Must not block the event loop for seconds. */
  readonly handler: (args: unknown, context: ToolContext) => unknown;
  /** Checked before the handler, which gets what it makes of them; default: any JSON. */
  readonly parameters?: ArgumentsSchema | undefined;
  /** Default 300. */
  readonly timeoutSeconds?: number | undefined;
}

/** By name. */
export type ToolSet = ReadonlyMap<string, Tool>;
