// The short form of the chaos test. CHAOS_SEED=<number> repeats the choices of a run, though not its interleavings.
// The long form: npm run chaos -- --minutes 5
import { chaos } from './chaos.js';

const seed = Number(process.env['CHAOS_SEED'] ?? Date.now() % 1_000_000);

it.each([
  ['one-store', 1, 'kill -9 of a worker at "loaded"'],
  ['two-phase', 2, 'kill -9 of a worker at "coordinator.begun"'],
])(
  '%s: transactions are strictly serializable while workers, PostgreSQL and connections fail',
  async (workload, stores, kill) => {
    process.stderr.write(`chaos: CHAOS_SEED=${seed}\n`);
    const { verdict, faults, counts } = await chaos({
      seed,
      seconds: 4,
      workers: 2,
      stores,
      workload,
      atLeast: 0,
      stopMs: 1_000,
      hasFaults: true,
    });
    expect(verdict.anomalies.map(({ type, text }) => `${type}: ${text}`)).toEqual([]);
    expect(faults).toEqual([]);
    // Else it would prove nothing.
    expect(verdict.counts['transactions ok']).toBeGreaterThan(20);
    expect(verdict.counts['audits']).toBeGreaterThan(0);
    expect(counts['kill -9 of PostgreSQL']).toBeGreaterThan(0);
    expect(counts[kill]).toBeGreaterThan(0);
  },
  120_000,
);
