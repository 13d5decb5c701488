/** A redis-server of the benchmark's own, as Redis ships it but for persistence. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Redis } from 'ioredis';

import { freePort } from '../../src/runtime/free-port.ts';

export async function withRedis<T>(use: (port: number) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'runfleet-bench-'));
  const port = await freePort();
  const options = ['--port', String(port), '--save', '', '--appendonly', 'no', '--dir', dir];
  const server = spawn('redis-server', [...options, '--loglevel', 'warning'], { stdio: 'ignore' });
  try {
    const probe = new Redis({ port, host: '127.0.0.1', retryStrategy: () => 20 });
    // Refused until the server is up; the client tries again.
    probe.on('error', () => {});
    await probe.ping();
    probe.disconnect();
    return await use(port);
  } finally {
    server.kill('SIGKILL');
    await rm(dir, { recursive: true, force: true });
  }
}
