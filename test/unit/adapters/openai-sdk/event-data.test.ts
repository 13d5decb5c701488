import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AnswerTooLargeError } from '../../../../src/adapters/openai-sdk/bounded-fetch.ts';
import { eventData } from '../../../../src/adapters/openai-sdk/event-data.ts';

async function* each<T>(values: Iterable<T>): AsyncGenerator<T, void, undefined> {
  yield* values;
}

async function read(texts: readonly string[], maxCharacters = 1000): Promise<string[]> {
  return await Array.fromAsync(eventData(each(texts), maxCharacters));
}

async function* linesWithoutEnd(): AsyncGenerator<string, void, undefined> {
  for (;;) yield 'data: and so on\n';
}

describe('the data of server-sent events', () => {
  it.each([
    ['one event', ['event: a\ndata: {"x":1}\n\n'], ['{"x":1}']],
    ['CRLF', ['data: 1\r\n\r\ndata: 2\r\n\r\n'], ['1', '2']],
    ['no space after the colon', ['data:1\n\n'], ['1']],
    ['several lines of data', ['data: a\ndata: b\n\n'], ['a\nb']],
    ['comments and other fields', [':\n\nid: 3\nretry: 5\n\ndata: 1\n\n'], ['1']],
    ['an event that was cut off', ['data: 1\n\ndata: 2\n'], ['1']],
    ['nothing', [], []],
  ])('%s', async (_, texts, expected) => {
    await expect(read(texts)).resolves.toEqual(expected);
  });

  it('is the same however the text is cut', async () => {
    const data = fc.array(fc.string({ unit: 'binary' }).map((text) => JSON.stringify(text)));
    await fc.assert(
      fc.asyncProperty(data, fc.infiniteStream(fc.integer({ min: 1, max: 9 })), async (values, lengths) => {
        let rest = values.map((value) => `event: x\r\ndata: ${value}\r\n\r\n`).join('');
        const texts: string[] = [];
        while (rest !== '') {
          const length = lengths.next().value ?? 1;
          texts.push(rest.slice(0, length));
          rest = rest.slice(length);
        }
        await expect(read(texts)).resolves.toEqual(values);
      }),
    );
  });

  it('ends with an error at an event of lines without end', async () => {
    await expect(Array.fromAsync(eventData(linesWithoutEnd(), 1000))).rejects.toThrow(AnswerTooLargeError);
  });

  it('ends with an error at an event without end', async () => {
    await expect(
      read(
        Array.from({ length: 12 }, () => 'data: 0123'),
        100,
      ),
    ).rejects.toThrow(AnswerTooLargeError);
  });
});
