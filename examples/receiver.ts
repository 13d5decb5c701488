/**
 * Receives runfleet's callbacks, with nothing but Node:
 *
 *   RUNFLEET_CALLBACK_SECRET=whsec_… PORT=8080 node examples/receiver.ts
 *
 * The same secret as runfleet's; several, separated by commas, while it changes.
 */

import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';

// oxlint-disable-next-line node/no-process-env -- an example stands alone
const { RUNFLEET_CALLBACK_SECRET = '', PORT = '8080' } = process.env;
const keys = RUNFLEET_CALLBACK_SECRET.split(',')
  .filter((secret) => secret !== '')
  .map((secret) => Buffer.from(secret.replace(/^whsec_/, ''), 'base64'));
if (keys.length === 0) throw new Error('Set RUNFLEET_CALLBACK_SECRET.');

const toleranceSeconds = 300;
const maxBytes = 1_000_000;
/** What has been taken. Yours belongs into a database, with the work: the same callback may come twice. */
const taken = new Set<string>();

/** Whether runfleet has sent this, just now. */
function isGenuine(headers: IncomingMessage['headers'], body: Buffer): boolean {
  const id = String(headers['webhook-id']);
  const timestamp = String(headers['webhook-timestamp']);
  // Not so: Math.abs(NaN) > 300 is false.
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) <= toleranceSeconds)) return false;
  const given = String(headers['webhook-signature'])
    .split(' ')
    .filter((signature) => signature.startsWith('v1,'))
    .map((signature) => Buffer.from(signature.slice(3), 'base64'));
  return keys.some((key) => {
    // Over the bytes as they came: JSON that is parsed and written again is another text.
    const expected = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest();
    return given.some((each) => each.length === expected.length && timingSafeEqual(each, expected));
  });
}

/** Null where it is too large. */
async function bodyOf(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function receive(request: IncomingMessage): Promise<number> {
  const body = await bodyOf(request);
  if (body === null) return 413;
  if (request.method !== 'POST' || !isGenuine(request.headers, body)) return 400;
  const id = String(request.headers['webhook-id']);
  if (!taken.has(id)) {
    taken.add(id);
    const { type, data } = JSON.parse(body.toString());
    process.stdout.write(`${type} ${data.id}: ${data.output_text ?? data.error?.message ?? ''}\n`);
  }
  // Answer first, work later: after 15 seconds it counts as failed.
  return 204;
}

const server = createServer((request, response) => {
  receive(request).then(
    (status) => response.writeHead(status).end(),
    () => response.writeHead(500).end(),
  );
});
server.listen(Number(PORT), '127.0.0.1', () => {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : PORT;
  process.stdout.write(`listening on http://127.0.0.1:${port}\n`);
});
