/** Reads docker-compose.yml: what each service is started with, interpolated as Compose does it. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import * as z from 'zod';
import { repository } from './image.ts';

const service = z.looseObject({
  image: z.string(),
  command: z.array(z.string()),
  environment: z.record(z.string(), z.coerce.string()).default({}),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  restart: z.string(),
  read_only: z.boolean(),
  cap_drop: z.array(z.string()),
  security_opt: z.array(z.string()),
});

const file = z.looseObject({
  services: z.record(z.string(), service),
  volumes: z.record(z.string(), z.null()),
});

type Env = Readonly<Record<string, string>>;

/** Throws what Compose would refuse with: a variable that must be set and is not. */
export async function readCompose(env: Env): Promise<z.output<typeof file>> {
  const text = await readFile(join(repository, 'docker-compose.yml'), 'utf8');
  return file.parse(interpolate(parse(text, { merge: true }), env));
}

function interpolate(value: unknown, env: Env): unknown {
  if (typeof value === 'string') return interpolateText(value, env);
  if (Array.isArray(value)) return value.map((item) => interpolate(item, env));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, interpolate(item, env)]));
}

function interpolateText(value: string, env: Env): string {
  return value.replaceAll(
    /\$\{(\w+)(?::([?-])([^}]*))?\}/g,
    (_all, name: string, sign: string, rest: string) => {
      const given = env[name] ?? '';
      if (given !== '') return given;
      if (sign === '?') throw new Error(`required variable ${name} is missing a value: ${rest}`);
      return rest ?? '';
    },
  );
}
