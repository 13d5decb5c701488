import { describe, expect, it } from 'vitest';
import { toolAnswerOf } from '../../../src/domain/wire/tool-job.ts';

describe('toolAnswerOf', () => {
  it.each<[string, unknown, object]>([
    ['an output', { output: '7 degrees' }, { output: '7 degrees' }],
    ['an error', { error: { code: 'x', message: 'y' } }, { error: { code: 'x', message: 'y' } }],
    ['a text', 'plain', { output: 'plain' }],
    ['an object', { celsius: 7 }, { output: '{"celsius":7}' }],
    ['an output that is no text', { output: 7 }, { output: '{"output":7}' }],
    ['an error without a message', { error: { code: 'x' } }, { output: '{"error":{"code":"x"}}' }],
    ['a number', 7, { output: '7' }],
    ['nothing', null, { output: 'null' }],
    ['less than nothing', undefined, { output: 'null' }],
  ])('reads %s', (_name, result, answer) => {
    expect(toolAnswerOf(result)).toEqual(answer);
  });
});
