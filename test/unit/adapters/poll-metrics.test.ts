import { pino } from 'pino';
import { expect, it } from 'vitest';
import { createMetrics } from '../../../src/adapters/metrics/metrics.ts';
import { PrometheusTelemetry } from '../../../src/adapters/metrics/prometheus-telemetry.ts';

it('counts what looking cost beside what the backoff would have cost', async () => {
  const metrics = createMetrics();
  const telemetry = new PrometheusTelemetry(metrics, pino({ level: 'silent' }));
  const report = {
    kind: 'responses',
    looks: 2,
    costSeconds: 3.5,
    expectedLooks: 2.25,
    backoffLooks: 7,
    backoffCostSeconds: 9,
  } as const;
  telemetry.polled(report);
  telemetry.polled({ ...report, expectedLooks: null });
  const page = await metrics.registry.metrics();
  const lines = page.split('\n').filter((line) => line.startsWith('runfleet_poll_'));
  expect(lines.toSorted()).toEqual([
    'runfleet_poll_backoff_cost_seconds_total{kind="responses"} 18',
    'runfleet_poll_backoff_looks_total{kind="responses"} 14',
    'runfleet_poll_cost_seconds_total{kind="responses"} 7',
    'runfleet_poll_expected_looks_total{kind="responses"} 2.25',
    'runfleet_poll_looks_total{kind="responses"} 4',
    'runfleet_poll_price_seconds 0',
  ]);
});
