import { Counter, Gauge, type Registry } from 'prom-client';

/** Counts those who read the events of runs at this process. */
export function eventReaders(registry: Registry): { came(): void; went(how: 'left' | 'cut'): void } {
  const registers = [registry];
  const open = new Gauge({
    name: 'runfleet_event_readers',
    help: 'Open connections that are told the events of a run.',
    registers,
  });
  const cut = new Counter({
    name: 'runfleet_event_readers_cut_total',
    help: 'Readers of events that were cut off, since they took nothing for 30 seconds.',
    registers,
  });
  return {
    came: () => open.inc(),
    went: (how) => {
      open.dec();
      if (how === 'cut') cut.inc();
    },
  };
}
