import { type Route, route } from '../route.ts';
import { noQuery } from '../schemas.ts';

/** The board answers for itself; this is its entry in the documentation. */
export const boardRoutes: readonly Route[] = [
  route({
    method: 'get',
    path: '/board',
    operationId: 'board',
    tag: 'Operations',
    summary: 'Bull Board: the queues, read only',
    description:
      'For browsers. With API keys it asks for one at `/board/login` and keeps a session of 12 hours in a cookie.',
    access: 'admin',
    query: noQuery,
    answers: { 200: { description: 'The page.', contentType: 'text/html' } },
    handle: null,
  }),
];
