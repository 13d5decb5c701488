import { BenchFleet } from './fleet.ts';

const runs = 300;

/**
 * Calls a run by the provider's ledger, of fleets with default settings that have learnt nothing: runs of up to so many
 * seconds, all sent at once, one webhook of a hundred lost. And again the same, once that is learnt.
 */
export async function cold(redisPort: number, seconds: readonly number[]): Promise<Record<string, number>> {
  const figures: Record<string, number> = {};
  for (const longest of seconds) {
    await using fleet = await BenchFleet.start({
      redisPort,
      workers: 2,
      webhooks: { lossProbability: 0.01 },
    });
    figures[`calls a run, cold, up to ${longest} s`] = await carry(fleet, longest);
    figures[`calls a run, warm, up to ${longest} s`] = await carry(fleet, longest);
  }
  return figures;
}

async function carry({ client, simulator }: BenchFleet, longest: number): Promise<number> {
  const before = simulator.ledger().callsTotal;
  const inputs = Array.from({ length: runs }, (_, n) => ({
    // Spread evenly, in an order that is none.
    request: {
      model: 'gpt-5',
      input: 'Hello',
      metadata: { sim_duration_ms: String(Math.round((((n * 107) % runs) * longest * 1000) / runs)) },
    },
  }));
  const accepted = await client.runs.createMany(inputs);
  const ended = await Promise.all(accepted.map(({ run }) => client.runs.wait(run?.id ?? '')));
  if (ended.some(({ status }) => status !== 'completed')) throw new Error('A run did not complete.');
  return (simulator.ledger().callsTotal - before) / runs;
}
