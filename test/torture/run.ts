// The long form: npm run torture -- --minutes 10 [--seed n] [--writers 4] [--readers 3] [--break <guard>]
import { parseArgs } from 'node:util';
import { torture } from './torture.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    writers: { type: 'string', default: '4' },
    readers: { type: 'string', default: '3' },
    break: { type: 'string' },
  },
});

function number(name: 'minutes' | 'seed' | 'writers' | 'readers'): number {
  const value = Number(values[name]);
  if (Number.isFinite(value) && value > 0) return value;
  throw new Error(`--${name} ${values[name]}: give a number above 0`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

const seed = number('seed');
say(`torture: seed ${seed}, ${number('minutes')} minutes${values.break ? `, broken: ${values.break}` : ''}`);
const { violations, counts } = await torture({
  seed,
  seconds: number('minutes') * 60,
  writers: number('writers'),
  readers: number('readers'),
  breakage: values.break,
  onProgress: say,
});
for (const [what, count] of Object.entries(counts)) say(`${what.padEnd(24)} ${count}`);
for (const violation of violations.slice(0, 20)) say(`VIOLATION: ${violation}`);
say(
  violations.length === 0 ? 'torture: nothing lost, repeated or reordered' : `torture: ${violations.length} violations`,
);
process.exitCode = violations.length === 0 ? 0 : 1;
