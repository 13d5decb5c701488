/** Server-Sent Events, as far as runfleet's server uses them. */

export interface ServerSentEvent {
  readonly id: string;
  readonly type: string;
  readonly data: string;
}

/**
 * The events of a body. Comments are passed over, but reset the silence: `onSign` is called whenever anything comes.
 * An event that is not complete when the body ends is none.
 */
export async function* eventsOf(
  body: ReadableStream<Uint8Array>,
  onSign: () => void,
): AsyncGenerator<ServerSentEvent, void, undefined> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let buffer = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      onSign();
      buffer += decoder.decode(value, { stream: true }).replaceAll('\r\n', '\n');
      const blocks = buffer.split('\n\n');
      buffer = blocks.pop() ?? '';
      for (const block of blocks) {
        const event = parse(block);
        if (event !== null) yield event;
      }
    }
  } finally {
    // Whoever stops in the middle hangs up.
    await reader.cancel().catch(() => {});
  }
}

/** Null for what is no event: a comment, or a word on reconnecting. */
function parse(block: string): ServerSentEvent | null {
  const fields = new Map<string, string>();
  for (const line of block.split('\n')) {
    // Not `.`: it stops at U+2028, which JSON leaves as it is.
    const [, name, value = ''] = /^([a-z]+)(?:: ?([^]*))?$/.exec(line) ?? [];
    if (name === undefined) continue;
    const before = name === 'data' ? fields.get(name) : undefined;
    fields.set(name, before === undefined ? value : `${before}\n${value}`);
  }
  const data = fields.get('data');
  if (data === undefined) return null;
  return { id: fields.get('id') ?? '', type: fields.get('event') ?? 'message', data };
}
