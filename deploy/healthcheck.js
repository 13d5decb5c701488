// The image's HEALTHCHECK: does the process in this container answer? The slim base has no curl.
// Plain JavaScript, since the image holds no sources.
import { get } from 'node:http';

// oxlint-disable-next-line node/no-process-env -- a process of its own, which loads nothing of ours
const { RUNFLEET_HOST = '127.0.0.1', RUNFLEET_PORT = '3000', RUNFLEET_METRICS_PORT = '0' } = process.env;
const host = ['0.0.0.0', '::'].includes(RUNFLEET_HOST) ? '127.0.0.1' : RUNFLEET_HOST;

// The API listens on one port, a worker on the other, `all` on both. It is one process and one event loop in each
// case, so one answer is enough to know that it lives.
const ports = [RUNFLEET_PORT, RUNFLEET_METRICS_PORT].filter((port) => port !== '' && port !== '0');

function ask(port) {
  return new Promise((resolve, reject) => {
    const request = get({ host, port, path: '/healthz', timeout: 3000, agent: false }, (response) => {
      response.resume();
      if (response.statusCode === 200) resolve();
      else reject(new Error(`port ${port}: HTTP ${response.statusCode}`));
    });
    request.on('timeout', () => request.destroy(new Error(`port ${port}: no answer within 3 s`)));
    request.on('error', reject);
  });
}

try {
  await Promise.any(ports.map(ask));
} catch (error) {
  const reasons = error.errors?.map(({ message }) => message).join('; ') ?? error.message;
  process.stderr.write(`unhealthy: ${reasons || 'RUNFLEET_PORT and RUNFLEET_METRICS_PORT are 0'}\n`);
  process.exitCode = 1;
}
