/** Stands between the workers and the simulator, and spoils a share of the calls, each in another way. */

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** One way to spoil a call. */
interface Way {
  readonly name: string;
  /** Whether the provider still carries the call out; what it answers is what `spoil` is given. */
  readonly processed: boolean;
  /** At most so often: those that take a call's whole time. Default: no limit. */
  readonly most?: number;
  readonly spoil: (response: ServerResponse, answer: Answer) => void;
}

const json = { 'content-type': 'application/json' };
const envelope = '{"error":{"message":"Spoilt.","type":"server_error","code":null}}';
const empty: Answer = { status: 200, body: '' };

function send(
  response: ServerResponse,
  status: number,
  headers: Record<string, string>,
  body: string | Buffer,
): void {
  response.writeHead(status, headers).end(body);
}

const asFields = (value: unknown): object => (typeof value === 'object' && value !== null ? value : {});

/** The good answer with some fields that are not. */
function patched(name: string, patch: Readonly<Record<string, unknown>>): Way {
  return {
    name,
    processed: true,
    spoil: (response, { status, body }) =>
      send(response, status, json, JSON.stringify({ ...asFields(JSON.parse(body)), ...patch })),
  };
}

/** After these it is certain that nothing was done: a create is sent again. */
const definite: readonly Way[] = [
  ...[500, 503, 429].map((status): Way => ({
    name: `an error ${status} of the API`,
    processed: false,
    spoil: (response) => send(response, status, { ...json, 'retry-after-ms': '100' }, envelope),
  })),
  {
    name: 'a redirect',
    processed: false,
    spoil: (response) => send(response, 302, { location: '/elsewhere' }, ''),
  },
];

/** These may hide that the call was carried out, as it was. */
const lostReplies: readonly Way[] = [
  {
    name: 'a gateway’s page',
    processed: true,
    spoil: (response) => send(response, 502, { 'content-type': 'text/html' }, '<h1>Bad gateway</h1>'),
  },
  {
    name: 'a reset after it was done',
    processed: true,
    spoil: (response) => void response.socket?.resetAndDestroy(),
  },
  {
    name: 'half a body',
    processed: true,
    spoil: (response, { body }) =>
      response
        .writeHead(200, { ...json, 'content-length': String(body.length) })
        .write(body.slice(0, body.length / 2), () => response.destroy()),
  },
  { name: 'garbage', processed: true, spoil: (response) => send(response, 200, json, '{"id":') },
  { name: 'an error under 200', processed: true, spoil: (response) => send(response, 200, json, envelope) },
  {
    name: 'another content type',
    processed: true,
    spoil: (response, { body }) => send(response, 200, { 'content-type': 'text/plain' }, body),
  },
];

const hugeBody: Way = {
  name: 'a body of 50 MB',
  processed: true,
  most: 6,
  spoil: (response, { body }) => huge(response, body),
};

/** What was created is known all the same, and goes on. */
const overdone: readonly Way[] = [patched('an unknown status', { status: 'pondering' })];

/** What a look can take beside all of the above. */
const odd: readonly Way[] = [
  { name: 'a reset before', processed: false, spoil: (response) => void response.socket?.resetAndDestroy() },
  hugeBody,
  {
    name: 'a gzip bomb',
    processed: true,
    spoil: (response, { body }) =>
      send(
        response,
        200,
        { ...json, 'content-encoding': 'gzip', 'content-length': String(bombOf(body).length) },
        bombOf(body),
      ),
  },
  { name: 'a body in drops', processed: true, most: 1, spoil: (response) => drip(response) },
  { name: 'a stall', processed: false, most: 1, spoil: () => {} },
  patched('stamps of another age', { created_at: 1, expires_at: 2, completed_at: 99_999_999_999 }),
  patched('numbers as texts', {
    usage: { input_tokens: '1', prompt_tokens: '1', output_tokens: 'x', total_tokens: -1 },
  }),
];

function huge(response: ServerResponse, body: string): void {
  response.writeHead(200, json);
  response.write(body);
  const chunk = ' '.repeat(1_000_000);
  let left = 50;
  const more = (): void => {
    while (left > 0 && !response.destroyed) {
      left -= 1;
      if (!response.write(chunk)) return;
    }
    response.end();
  };
  response.on('drain', more);
  more();
}

const bombs = new Map<string, Buffer>();
function bombOf(body: string): Buffer {
  const bomb = bombs.get(body) ?? gzipSync(body + ' '.repeat(60_000_000), { level: 1 });
  bombs.clear();
  bombs.set(body, bomb);
  return bomb;
}

function drip(response: ServerResponse): void {
  response.writeHead(200, json);
  const timer = setInterval(() => response.write(' '), 200);
  response.on('close', () => clearInterval(timer));
}

export interface Spoiler extends AsyncDisposable {
  readonly baseUrl: string;
  /** How often each way was gone. */
  readonly spoilt: ReadonlyMap<string, number>;
}

/** Spoils every `everyNth` call. Creates that nobody could find again are spoilt in definite ways alone. */
export async function spoiler(targetBaseUrl: string, everyNth: number): Promise<Spoiler> {
  const spoilt = new Map<string, number>();
  const turns = new Map<readonly Way[], number>();
  let calls = 0;

  function wayFor(method: string, path: string): Way | null {
    calls += 1;
    if (calls % everyNth !== 0) return null;
    const ways = waysFor(method, path);
    for (let tried = 0; tried < ways.length; tried += 1) {
      const turn = turns.get(ways) ?? 0;
      turns.set(ways, turn + 1);
      const way = ways[turn % ways.length];
      const before = spoilt.get(way?.name ?? '') ?? 0;
      if (way === undefined || before >= (way.most ?? Infinity)) continue;
      spoilt.set(way.name, before + 1);
      return way;
    }
    return null;
  }

  async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url: path = '', headers } = request;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const way = wayFor(method, path);
    if (way?.processed === false) return way.spoil(response, empty);
    const answer = await fetch(new URL(path, targetBaseUrl), {
      method,
      headers: {
        authorization: headers.authorization ?? '',
        'content-type': 'application/json',
        'openai-beta': String(headers['openai-beta'] ?? ''),
      },
      ...(chunks.length === 0 ? {} : { body: Buffer.concat(chunks) }),
    });
    const body = await answer.text();
    if (way !== null && answer.ok) way.spoil(response, { status: answer.status, body });
    else send(response, answer.status, { 'content-type': answer.headers.get('content-type') ?? '' }, body);
  }

  const server = createServer((request, response) => {
    response.on('error', () => {});
    pass(request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('No port.');
  return {
    baseUrl: `http://127.0.0.1:${address.port}${new URL(targetBaseUrl).pathname}`,
    spoilt,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const looks = [...definite, ...lostReplies, ...overdone, ...odd];
const known = [...definite, ...overdone];
const findable = [
  ...definite,
  ...overdone,
  ...lostReplies,
  { ...hugeBody, name: 'a body of 50 MB to a POST' },
];

function waysFor(method: string, path: string): readonly Way[] {
  if (method === 'GET') return looks;
  // A create on a thread is found again, and so is what was sent to a run that is known; a new response is not.
  return /\/threads\/thread_|\/cancel$/.test(path) ? findable : known;
}
