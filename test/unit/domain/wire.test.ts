import { describe, expect, it } from 'vitest';
import { jobData } from '../../../src/domain/wire/job-data.ts';
import { maxDeadlineSeconds, maxPriority, runInput } from '../../../src/domain/wire/run-input.ts';
import { specOf } from '../../../src/domain/wire/spec.ts';
import { someData, t0 } from '../../support/fakes/builders.ts';

const request = { model: 'gpt-5', input: 'Hello', deep: { kept: [1, null] } };

function pathsOf(result: { readonly error?: { readonly issues: readonly { path: PropertyKey[] }[] } }) {
  return result.error?.issues.map(({ path }) => path.join('.')) ?? [];
}

describe('runInput', () => {
  it('needs a request and fills in the rest', () => {
    expect(runInput.parse({ request })).toEqual({
      kind: 'responses',
      request,
      account: null,
      follow: 'auto',
      priority: 0,
      lane: null,
      label: null,
      on_ambiguous: 'fail',
      metadata: {},
    });
  });

  it('passes the request through untouched', () => {
    expect(runInput.parse({ request }).request).toEqual(request);
  });

  it.each([
    ['the deadline', { deadline_seconds: maxDeadlineSeconds }],
    ['a short deadline', { deadline_seconds: 0.001 }],
    ['the priority', { priority: maxPriority }],
    ['a label', { label: 'a.B_c:d-9'.padEnd(64, 'x') }],
    ['no label', { label: null }],
    ['a lane', { lane: 'ü'.repeat(256) }],
    ['metadata', { metadata: Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`k${i}`, ''])) }],
    ['a long pair', { metadata: { ['k'.repeat(64)]: 'v'.repeat(512) } }],
    ['tools over http', { tools: { mode: 'http', url: 'https://example.com/tools' } }],
    ['a callback', { callback: { url: 'https://example.com/done' } }],
  ])('takes %s at its bound', (_name, patch) => {
    expect(pathsOf(runInput.safeParse({ request, ...patch }))).toEqual([]);
  });

  it.each<[string, string, object]>([
    ['no request', 'request', { request: undefined }],
    ['a request that is a list', 'request', { request: [] }],
    ['an unknown kind', 'kind', { kind: 'batches' }],
    ['an unknown way to follow', 'follow', { follow: 'guess' }],
    ['a deadline of nothing', 'deadline_seconds', { deadline_seconds: 0 }],
    ['a negative deadline', 'deadline_seconds', { deadline_seconds: -1 }],
    ['a deadline too far', 'deadline_seconds', { deadline_seconds: maxDeadlineSeconds + 1 }],
    ['an endless deadline', 'deadline_seconds', { deadline_seconds: Infinity }],
    ['a deadline in words', 'deadline_seconds', { deadline_seconds: '600' }],
    ['a negative priority', 'priority', { priority: -1 }],
    ['half a priority', 'priority', { priority: 0.5 }],
    ['a priority too large', 'priority', { priority: maxPriority + 1 }],
    ['an empty lane', 'lane', { lane: '' }],
    ['a lane too long', 'lane', { lane: 'x'.repeat(257) }],
    ['an empty label', 'label', { label: '' }],
    ['a label with a space', 'label', { label: 'a b' }],
    ['a label with a newline at its end', 'label', { label: 'a\n' }],
    ['a label too long', 'label', { label: 'x'.repeat(65) }],
    ['an unknown tools mode', 'tools.mode', { tools: { mode: 'magic' } }],
    ['a tools URL of another scheme', 'tools.url', { tools: { mode: 'http', url: 'file:///etc/passwd' } }],
    ['a callback without a URL', 'callback.url', { callback: {} }],
    ['a callback of another scheme', 'callback.url', { callback: { url: 'javascript:alert(1)' } }],
    ['an unknown answer to ambiguity', 'on_ambiguous', { on_ambiguous: 'maybe' }],
    ['metadata that is no text', 'metadata.n', { metadata: { n: 1 } }],
    ['metadata too long', 'metadata.n', { metadata: { n: 'x'.repeat(513) } }],
    ['a nameless pair', 'metadata.', { metadata: { '': 'x' } }],
    [
      'too many pairs',
      'metadata',
      { metadata: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, 'v'])) },
    ],
    ['a misspelt field', '', { dead_line: 5 }],
    [
      'a misspelt field of the callback',
      'callback',
      { callback: { url: 'https://example.com', method: 'PUT' } },
    ],
    ['a field that only runfleet sets', '', { owner: 'root' }],
  ])('refuses %s, at %j', (_name, path, patch) => {
    const paths = pathsOf(runInput.safeParse({ request, ...patch }));
    expect(paths).toEqual([path]);
  });

  it.each([
    'http://localhost:9000/done',
    'http://127.0.0.1:9000/done',
    'http://10.1.2.3/done',
    'http://[::1]:9000/done',
    'http://orders:8080/done',
    'https://orders.shop.svc.cluster.local/done?x=1',
  ])('takes the callback %s: fleets and their producers live in private networks', (url) => {
    expect(pathsOf(runInput.safeParse({ request, callback: { url } }))).toEqual([]);
    expect(pathsOf(runInput.safeParse({ request, tools: { mode: 'http', url } }))).toEqual([]);
  });

  it('refuses tools over http without a URL', () => {
    expect(pathsOf(runInput.safeParse({ request, tools: { mode: 'http' } }))).toEqual(['tools.url']);
  });

  it('refuses a URL that nobody would call', () => {
    const url = 'https://example.com/tools';
    const tools = { url, by_name: { a: { mode: 'manual', url }, b: { mode: 'http', url } } };
    expect(pathsOf(runInput.safeParse({ request, tools }))).toEqual(['tools.url', 'tools.by_name.a.url']);
  });

  it.each([null, undefined, 7, 'text', [], true])('refuses the body %j', (body) => {
    expect(runInput.safeParse(body).success).toBe(false);
  });
});

describe('jobData', () => {
  it('takes what a producer sends, and nothing more than a request', () => {
    expect(jobData.parse({ request })).toEqual({
      v: 1,
      kind: 'responses',
      request,
      account: null,
      follow: 'auto',
      priority: 0,
      lane: null,
      label: null,
      on_ambiguous: 'fail',
      metadata: {},
      owner: null,
    });
  });

  it('takes a request that is stored apart', () => {
    expect(jobData.parse({ request_stored: true }).request).toBeUndefined();
  });

  it.each<[string, string, unknown]>([
    ['neither a request nor a word of where it is', 'request', {}],
    ['another version', 'v', { v: 2, request }],
    ['a time in words', 'accepted_at', { accepted_at: 'yesterday', request }],
    ['a misspelt field', '', { requests: request, request }],
    ['a request that is not stored', 'request_stored', { request_stored: false, request }],
  ])('refuses %s', (_name, path, data) => {
    expect(pathsOf(jobData.safeParse(data))).toEqual([path]);
  });

  it('reads again what it wrote', () => {
    const once = jobData.parse({
      request,
      label: 'x',
      deadline_seconds: 5,
      callback: { url: 'https://example.com' },
    });
    expect(jobData.parse(JSON.parse(JSON.stringify(once)))).toEqual(once);
  });
});

describe('specOf', () => {
  const options = { queuedAtMs: t0, defaultDeadlineSeconds: 600 };

  it('counts the deadline from the acceptance', () => {
    const data = someData({ accepted_at: '2026-01-01T00:00:05.250Z', deadline_seconds: 1.5 });
    expect(specOf('run-1', data, options)).toMatchObject({
      acceptedAtMs: t0 + 5250,
      deadlineAtMs: t0 + 6750,
    });
  });

  it('falls back to the time stamp of the job and the default deadline', () => {
    expect(specOf('run-1', someData(), options)).toEqual({
      id: 'run-1',
      kind: 'responses',
      follow: 'auto',
      acceptedAtMs: t0,
      deadlineAtMs: t0 + 600_000,
      label: null,
      lane: null,
      onAmbiguous: 'fail',
      priority: 0,
      metadata: {},
      callbackUrl: null,
      owner: null,
      account: null,
      traits: null,
      pollCostMs: null,
      maxDelayMs: null,
      tools: { routes: null, maxRounds: 20, onError: 'report' },
    });
  });

  it('takes over what the producer chose', () => {
    const data = someData({
      kind: 'assistants',
      follow: 'webhook',
      label: 'l',
      lane: 'x',
      on_ambiguous: 'retry',
      metadata: { a: 'b' },
      owner: 'ann',
    });
    expect(specOf('run-1', data, options)).toMatchObject({
      kind: 'assistants',
      follow: 'webhook',
      label: 'l',
      lane: 'x',
      onAmbiguous: 'retry',
      metadata: { a: 'b' },
      owner: 'ann',
    });
  });
});
