// The short form of the torture test. TORTURE_SEED=<number> repeats the choices of a run, though not its interleavings.
// The long form: npm run torture -- --minutes 10
import { torture } from './torture.js';

const seed = Number(process.env['TORTURE_SEED'] ?? Date.now() % 1_000_000);

it('nothing is lost, repeated or reordered while writers and PostgreSQL are killed', async () => {
  process.stderr.write(`torture: TORTURE_SEED=${seed}\n`);
  const { violations, counts } = await torture({ seed, seconds: 12, writers: 3, readers: 2 });
  expect(violations).toEqual([]);
  // Else it would prove nothing.
  expect(counts['acknowledged']).toBeGreaterThan(100);
  expect(counts['refused']).toBeGreaterThan(0);
  expect(counts['kills: writer']).toBeGreaterThan(0);
  expect(counts['kills: everything']).toBeGreaterThan(0);
  expect(counts['readings live']).toBeGreaterThan(2);
}, 120_000);
