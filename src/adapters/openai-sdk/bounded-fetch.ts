/** Thrown into the reader of an answer that grows past the limit. */
export class AnswerTooLargeError extends Error {
  override readonly name = 'AnswerTooLargeError';
}

/** A `fetch` whose answers end with an error once they pass `maxBytes`: one broken server must not eat the process. */
export function boundedFetch(maxBytes: number): typeof fetch {
  return async (input, init) => {
    const response = await fetch(input, init);
    const tooLarge = (): AnswerTooLargeError =>
      new AnswerTooLargeError(`The answer is larger than ${maxBytes} bytes.`);
    if (Number(response.headers.get('content-length') ?? 0) > maxBytes) {
      await response.body?.cancel();
      throw tooLarge();
    }
    // With a stated length that fits, there is nothing to count.
    if (response.body === null || response.headers.has('content-length')) return response;
    let seen = 0;
    const counter = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        seen += chunk.byteLength;
        if (seen > maxBytes) controller.error(tooLarge());
        else controller.enqueue(chunk);
      },
    });
    const { status, statusText, headers } = response;
    return new Response(response.body.pipeThrough(counter), { status, statusText, headers });
  };
}
