import { receiveWebhook } from '../../app/receive-webhook.ts';
import { webhookEvent, webhookTaken } from '../../domain/wire/webhook.ts';
import type { HttpDeps } from '../deps.ts';
import * as examples from '../openapi/examples.ts';
import { rawBodyOf } from '../raw-body.ts';
import { type Route, route } from '../route.ts';
import { noQuery } from '../schemas.ts';

/** Where the provider tells of runs. Open: whoever has no secret of ours is refused. */
export function webhookRoutes(deps: HttpDeps): Route[] {
  return [
    route({
      method: 'post',
      path: '/v1/webhooks/openai',
      operationId: 'receiveOpenAiWebhook',
      tag: 'Operations',
      summary: 'Where OpenAI sends its webhooks',
      description:
        'Standard Webhooks, signed with a secret of `OPENAI_WEBHOOK_SECRET`. The run is looked at at once. ' +
        'Duplicates, events of other types and of runs that are not ours are answered 200 as well.',
      access: 'open',
      query: noQuery,
      headers: {
        'webhook-id': { description: 'The same at each retry.', example: 'wh_685d3a0f' },
        'webhook-timestamp': { description: 'Unix seconds, at most 5 minutes off.', example: '1795167072' },
        'webhook-signature': {
          description: '`v1,<base64>`; several, separated by spaces, during a rotation.',
          example: 'v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=',
        },
      },
      rawBody: { schema: webhookEvent, example: examples.webhook },
      answers: { 200: { description: 'Taken.', schema: webhookTaken, example: examples.webhookTaken } },
      problems: ['webhook-refused', 'unavailable'],
      handle: async ({ req, res }) => {
        await receiveWebhook(deps.webhooks, {
          id: req.get('webhook-id'),
          timestamp: req.get('webhook-timestamp'),
          signature: req.get('webhook-signature'),
          body: rawBodyOf(req),
        });
        res.json({ received: true });
      },
    }),
  ];
}
