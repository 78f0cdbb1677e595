// The long form: npm run chaos -- [--minutes 5] [--seed n] [--stores 1] [--workers 3] [--history <file>] [--workload one-store]
// [--transactions 10000] [--weaken <guarantee>] [--calm]. Ends with 0 when nothing went wrong.
import { parseArgs } from 'node:util';
import { chaos } from './chaos.js';
import { writeHistory } from './recorder.js';
import { reported } from './report.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    stores: { type: 'string', default: '1' },
    workers: { type: 'string', default: '3' },
    transactions: { type: 'string', default: '10000' },
    workload: { type: 'string', default: 'one-store' },
    history: { type: 'string' },
    weaken: { type: 'string' },
    calm: { type: 'boolean', default: false },
  },
});

function number(name: 'minutes' | 'seed' | 'stores' | 'workers' | 'transactions'): number {
  const value = Number(values[name]);
  if (Number.isFinite(value) && value > 0) return value;
  throw new Error(`--${name} ${values[name]}: give a number above 0`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** The bank has a file of its own, so that other checkers find one workload in each. */
const bankFile = (file: string): string => `${file.replace(/\.jsonl$/, '')}.bank.jsonl`;

const seed = number('seed');
say(`chaos: seed ${seed}, ${number('minutes')} minutes${values.weaken ? `, weakened: ${values.weaken}` : ''}`);
const { lists, bank, verdict, faults, counts } = await chaos({
  seed,
  seconds: number('minutes') * 60,
  workers: number('workers'),
  stores: number('stores'),
  atLeast: number('transactions'),
  workload: values.workload,
  // Longer than the lease of locks.
  stopMs: 12_000,
  hasFaults: !values.calm,
  weakening: values.weaken,
  onProgress: say,
});
if (values.history) {
  writeHistory(values.history, lists);
  writeHistory(bankFile(values.history), bank);
  say(`histories: ${values.history}, ${bankFile(values.history)}`);
}
for (const [what, count] of Object.entries(counts)) say(`  ${what.padEnd(40)} ${count}`);
for (const line of reported(verdict)) say(line);
for (const fault of faults.slice(0, 20)) say(`FAULT: ${fault}`);
process.exitCode = verdict.anomalies.length + faults.length === 0 ? 0 : 1;
