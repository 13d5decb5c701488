#!/usr/bin/env node
// Plain JavaScript that any Node since 14 can read, so that an old one gets a sentence instead of a syntax error.
import { existsSync } from 'node:fs';

const [major, minor] = process.versions.node.split('.').map(Number);

if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(
    `runfleet needs Node 22.18 or newer; this is ${process.versions.node}. ` +
      'In a checkout, `npx runfleet` and the npm scripts bring their own; elsewhere install it from https://nodejs.org.\n',
  );
  process.exitCode = 1;
} else {
  // In a checkout the sources run as they are; the published package holds only what was built from them
  // (Node runs no TypeScript below node_modules).
  const source = new URL('../src/cli/main.ts', import.meta.url);
  const built = new URL('../dist/src/cli/main.js', import.meta.url);
  const installed = import.meta.url.includes('/node_modules/');
  const entry = !installed && existsSync(source) ? source : built;
  import(entry.href)
    .then((cli) => cli.runFromProcess())
    .catch((error) => {
      const debug = process.argv.includes('--debug') && error instanceof Error;
      process.stderr.write(
        `runfleet: ${debug ? error.stack : error instanceof Error ? error.message : error}\n`,
      );
      process.exitCode = 1;
    });
}
