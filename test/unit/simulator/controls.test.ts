import { describe, expect, it } from 'vitest';

import { drawFate, inheritFate, NO_CONTROLS, readControls } from '../../../src/simulator/controls.ts';
import { matchRoute } from '../../../src/simulator/operations.ts';
import { paginate } from '../../../src/simulator/paging.ts';
import { readMetadata } from '../../../src/simulator/params.ts';
import { seededRandom } from '../../../src/simulator/random.ts';
import { sampleOf } from '../../../src/simulator/sample.ts';

function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return null;
}

function pairs(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, 'v']));
}

describe('readControls', () => {
  it('reads every control from metadata', () => {
    expect(
      readControls({
        sim_duration_ms: '1500',
        sim_queue_ms: '0',
        sim_ending: 'incomplete',
        sim_error_code: 'content_filter',
        sim_tool_rounds: '2',
        sim_tool_calls: '3',
        sim_tool_arguments: '{"n":1}',
        sim_output: 'Hi',
        sim_status: 'thinking',
        sim_webhook_ms: '40',
        other: 'ignored',
      }),
    ).toEqual({
      durationMs: 1500,
      queueMs: 0,
      ending: 'incomplete',
      errorCode: 'content_filter',
      toolRounds: 2,
      toolCalls: 3,
      toolArguments: '{"n":1}',
      output: 'Hi',
      status: 'thinking',
      webhookMs: 40,
    });
    expect(readControls({ sim_webhook_ms: 'never' })).toMatchObject({ webhookMs: Infinity });
    expect(readControls(null)).toEqual(NO_CONTROLS);
  });

  it.each([
    ['sim_duration_ms', 'soon'],
    ['sim_duration_ms', '-1'],
    ['sim_duration_ms', ''],
    ['sim_tool_rounds', '1.5'],
    ['sim_tool_calls', '0'],
    ['sim_ending', 'happily'],
    ['sim_webhook_ms', 'always'],
  ])('refuses %s = %j by name', (key, value) => {
    expect(thrownBy(() => readControls({ [key]: value }))).toMatchObject({
      status: 400,
      body: { error: { param: `metadata.${key}` } },
    });
  });
});

describe('drawFate', () => {
  it('lets metadata go before the weights', () => {
    const fate = drawFate({ ...NO_CONTROLS, ending: 'failed' }, { completed: 1 }, seededRandom(1));
    expect(fate).toMatchObject({ ending: 'failed', toolRounds: 0 });
  });

  it('turns the ending "tools" into one round before completion, unless the rounds are given', () => {
    expect(drawFate(NO_CONTROLS, { tools: 1 }, seededRandom(1))).toMatchObject({
      ending: 'completed',
      toolRounds: 1,
    });
    const three = { ...NO_CONTROLS, ending: 'tools', toolRounds: 3 } as const;
    expect(drawFate(three, {}, seededRandom(1)).toolRounds).toBe(3);
  });

  it('gives an answering response one round less and what its own metadata changes', () => {
    const first = drawFate({ ...NO_CONTROLS, toolRounds: 2, durationMs: 5 }, { failed: 1 }, seededRandom(1));
    const second = inheritFate(first, { ...NO_CONTROLS, toolRounds: 9, output: 'New' });
    expect(second).toMatchObject({ ending: 'failed', toolRounds: 1 });
    expect(second.controls).toMatchObject({ durationMs: 5, output: 'New' });
  });
});

describe('readMetadata', () => {
  it('takes what is within the limits', () => {
    const widest = { ...pairs(15), ['k'.repeat(64)]: 'v'.repeat(512) };
    expect(readMetadata({ metadata: widest })).toEqual(widest);
    expect(readMetadata({ metadata: null })).toBeNull();
    expect(readMetadata({})).toBeNull();
  });

  it.each([
    ['too many pairs', pairs(17), 'metadata'],
    ['a long key', { ['k'.repeat(65)]: 'v' }, 'metadata'],
    ['a long value', { k: 'v'.repeat(513) }, 'metadata.k'],
    ['a number', { k: 1 }, 'metadata.k'],
    ['no object', 'text', 'metadata'],
  ])('refuses %s', (_, metadata, param) => {
    expect(thrownBy(() => readMetadata({ metadata }))).toMatchObject({
      status: 400,
      body: { error: { param } },
    });
  });
});

describe('matchRoute', () => {
  it.each([
    ['POST', '/v1/responses', 'responses.create', {}],
    ['GET', '/v1/responses/resp_1', 'responses.retrieve', { response_id: 'resp_1' }],
    ['POST', '/v1/threads/runs', 'runs.create_with_thread', {}],
    ['GET', '/v1/threads/t/runs/r', 'runs.retrieve', { thread_id: 't', run_id: 'r' }],
    [
      'POST',
      '/v1/threads/t/runs/r/submit_tool_outputs',
      'runs.submit_tool_outputs',
      { thread_id: 't', run_id: 'r' },
    ],
  ])('takes %s %s for %s', (method, path, operation, params) => {
    expect(matchRoute(method, path)).toEqual({ operation, params });
  });

  it.each([
    ['PUT', '/v1/responses'],
    ['GET', '/responses/r'],
    ['GET', '/v1/responses/'],
    ['GET', '/v1/models'],
  ])('knows no %s %s', (method, path) => {
    expect(matchRoute(method, path)).toBeNull();
  });
});

describe('paginate', () => {
  const items = Array.from({ length: 5 }, (_, i) => ({ id: `i${i}` }));
  const page = (query: string) => {
    const { data, has_more } = paginate(items, new URLSearchParams(query), ({ id }) => id);
    return [data.join(' '), has_more];
  };

  it.each([
    ['', 'i4 i3 i2 i1 i0', false],
    ['order=asc&limit=2', 'i0 i1', true],
    ['limit=2', 'i4 i3', true],
    ['limit=2&after=i3', 'i2 i1', true],
    ['limit=2&after=i1', 'i0', false],
    ['limit=2&order=asc&before=i3', 'i1 i2', true],
    ['limit=9&order=asc&before=i3', 'i0 i1 i2', false],
  ])('answers "%s" with %s', (query, data, more) => {
    expect(page(query)).toEqual([data, more]);
  });

  it('gives the ids at both ends, and null on an empty page', () => {
    expect(paginate(items, new URLSearchParams('limit=3'), String)).toMatchObject({
      first_id: 'i4',
      last_id: 'i2',
    });
    expect(paginate([], new URLSearchParams(), String)).toMatchObject({ first_id: null, last_id: null });
  });

  it.each([
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['limit=x', 'limit'],
    ['order=up', 'asc'],
    ['after=nobody', 'nobody'],
  ])('refuses "%s"', (query, named) => {
    expect(() => page(query)).toThrowError(named);
  });
});

describe('sampleOf', () => {
  it('fills in what a schema requires', () => {
    expect(
      sampleOf({
        type: 'object',
        properties: {
          city: { type: 'string', minLength: 10 },
          unit: { type: 'string', enum: ['c', 'f'] },
          days: { type: 'integer', minimum: 3 },
          tags: { type: 'array', items: { type: 'boolean' }, minItems: 1 },
          where: { type: 'object', properties: { zip: { type: ['string', 'null'] } } },
          note: { type: 'string' },
        },
        required: ['city', 'unit', 'days', 'tags', 'where'],
      }),
    ).toEqual({ city: 'sample....', unit: 'c', days: 3, tags: [true], where: { zip: 'sample' } });
  });

  it('comes to an end on any schema', () => {
    const recursive: Record<string, unknown> = { type: 'object', required: ['self'] };
    recursive['properties'] = { self: recursive };
    expect(() => sampleOf(recursive)).not.toThrow();
    expect(sampleOf(undefined)).toBeNull();
  });
});
