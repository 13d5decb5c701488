import { AnswerTooLargeError } from './bounded-fetch.ts';

/** The data of Server-Sent Events, as they come. One that is not complete when the text ends is none. */
export async function* eventData(
  texts: AsyncIterable<string>,
  maxCharacters: number,
): AsyncGenerator<string, void, undefined> {
  let rest = '';
  let data: string[] = [];
  let dataLength = 0;
  for await (const text of texts) {
    rest += text;
    if (rest.length + dataLength > maxCharacters)
      throw new AnswerTooLargeError(`An event is larger than ${maxCharacters} characters.`);
    // Not split before there is something to split: a large event comes in many texts.
    if (!text.includes('\n')) continue;
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines.map((ended) => (ended.endsWith('\r') ? ended.slice(0, -1) : ended))) {
      if (line === '') {
        if (data.length > 0) yield data.join('\n');
        data = [];
        dataLength = 0;
      } else if (line.startsWith('data:')) {
        data.push(line.slice(line[5] === ' ' ? 6 : 5));
        // An empty one takes up room as well.
        dataLength += line.length;
      }
    }
  }
}
