/** OpenAI's error envelope. */
export interface ErrorBody {
  error: { message: string; type: string; param: string | null; code: string | null };
}

/** An answer that is an error, in OpenAI's shape. Thrown by the handlers, sent by the HTTP layer. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly body: ErrorBody;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    message: string,
    details: {
      type?: string;
      param?: string;
      code?: string;
      headers?: Readonly<Record<string, string>>;
    } = {},
  ) {
    super(message);
    this.status = status;
    this.headers = details.headers ?? {};
    this.body = {
      error: {
        message,
        type: details.type ?? 'invalid_request_error',
        param: details.param ?? null,
        code: details.code ?? null,
      },
    };
  }
}

export function badRequest(message: string, param?: string, code?: string): ApiError {
  return new ApiError(400, message, {
    ...(param === undefined ? {} : { param }),
    ...(code === undefined ? {} : { code }),
  });
}

export function missingParameter(param: string): ApiError {
  return badRequest(`Missing required parameter: '${param}'.`, param, 'missing_required_parameter');
}

export function notFound(message: string): ApiError {
  return new ApiError(404, message);
}

export function unknownUrl(method: string, path: string): ApiError {
  return notFound(`Invalid URL (${method} ${path})`);
}
