/** Thrown into the reader of an answer that grows past a limit. */
export class AnswerTooLargeError extends Error {
  override readonly name = 'AnswerTooLargeError';
}

export interface FetchBounds {
  /** Of one answer, unpacked. */
  readonly maxBytes: number;
  /** Of all answers together that are being read, but for those of less than `smallBytes`, and streams. */
  readonly maxHeldBytes: number;
}

/** Such answers are what there mostly is, and hundreds of them are no trouble. */
const smallBytes = 256 * 1024;

/**
 * A `fetch` whose answers end with an error once they pass a bound: one broken server must not eat the process. And one
 * that follows no redirects: they would carry prompts, and by 307 a second create, to where nobody sent them.
 */
export function boundedFetch({ maxBytes, maxHeldBytes }: FetchBounds): typeof fetch {
  let heldBytes = 0;

  async function* counted(body: ReadableStream<Uint8Array>, isStream: boolean): AsyncGenerator<Uint8Array> {
    let seen = 0;
    let held = 0;
    try {
      for await (const chunk of body) {
        seen += chunk.byteLength;
        if (seen > maxBytes) throw tooLarge(maxBytes);
        if (!isStream) {
          held += chunk.byteLength;
          heldBytes += chunk.byteLength;
          if (seen > smallBytes && heldBytes > maxHeldBytes)
            throw new AnswerTooLargeError(`Answers of more than ${maxHeldBytes} bytes came at once.`);
        }
        yield chunk;
      }
    } finally {
      heldBytes -= held;
    }
  }

  return async (input, init) => {
    const response = await fetch(input, { ...init, redirect: 'manual' });
    const { status, statusText, headers, body } = response;
    const statedBytes = Number(headers.get('content-length') ?? Number.NaN);
    if (statedBytes > maxBytes) {
      await body?.cancel();
      throw tooLarge(maxBytes);
    }
    // There is nothing to count. What is packed, though, says nothing of what it holds.
    if (body === null || (statedBytes <= smallBytes && !headers.has('content-encoding'))) return response;
    const isStream = headers.get('content-type')?.startsWith('text/event-stream') === true;
    return new Response(ReadableStream.from(counted(body, isStream)), { status, statusText, headers });
  };
}

function tooLarge(maxBytes: number): AnswerTooLargeError {
  return new AnswerTooLargeError(`The answer is larger than ${maxBytes} bytes.`);
}
