import type { DocumentedOperation } from './operation.ts';
import { plain, pretty } from './text.ts';

/** A call to copy: with the key where one is needed, and the example body. */
export function curl({ path, method, operation }: DocumentedOperation): string {
  const query = operation.parameters.some(({ name }) => name === 'wait') ? '?wait=30' : '';
  const url = `http://127.0.0.1:3000${path.replace('{id}', '$RUN_ID')}${query}`;
  const body = operation.requestBody?.content['application/json']?.example;
  const headers = operation.parameters.flatMap(({ in: place, name, example }) =>
    place === 'header' ? [`-H '${name}: ${plain(example)}'`] : [],
  );
  return [
    `curl ${method === 'post' && body === undefined ? '-X POST ' : ''}"${url}"`,
    ...(operation.security.length === 0 ? [] : ['-H "Authorization: Bearer $RUNFLEET_KEY"']),
    ...headers,
    ...(body === undefined
      ? []
      : ["-H 'Content-Type: application/json'", `-d '${pretty(body).replaceAll("'", String.raw`'\''`)}'`]),
  ].join(' \\\n  ');
}
