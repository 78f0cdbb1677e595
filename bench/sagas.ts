// npm run bench:sagas: steps of sagas a second, ours beside those of DBOS, on one server, each in a process and a database of
// its own in every round.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openPostgres } from '@concord/database';
import { createDatabase, dropDatabase, dropLeftovers } from './databases.js';
import { machineOf } from './machine.js';
import { markdown, median } from './report.js';
import { CONTENDERS, STEPS } from './sagas/contender.js';
import { shuffled } from './shuffled.js';

const DATA_FOLDER = '.concord-bench';
const RESULTS = 'bench/results';
const HELP = `npm run bench:sagas -- [options]
  --rounds <n>  rounds to take the medians of (5)
  --chains <n>  chains of ${STEPS} steps, 32 at a time (400)
  --save        write bench/results/sagas.json
`;

async function main(): Promise<void> {
  const { rounds, chains, save } = readOptions();
  mkdirSync(DATA_FOLDER, { recursive: true });
  const lease = await openPostgres({ dataFolder: DATA_FOLDER, onProgress: note });
  try {
    if (lease.embedded) await dropLeftovers(lease.url);
    const machine = await machineOf(lease.url);
    const rates: Record<string, number[]> = Object.fromEntries(CONTENDERS.map((name) => [name, []]));
    for (let round = 1; round <= rounds; round += 1) {
      for (const name of shuffled(CONTENDERS)) {
        const rate = await measure(lease.url, name, chains);
        rates[name]?.push(rate);
        note(`round ${round}, ${name}: ${Math.round(rate)} steps/s`);
      }
    }
    process.stdout.write(`\n${tableOf(rates)}\n`);
    if (save)
      writeFileSync(`${RESULTS}/sagas.json`, `${JSON.stringify({ machine, chains, STEPS, rates }, undefined, 2)}\n`);
  } finally {
    await lease.release();
  }
}

async function measure(server: string, name: string, chains: number): Promise<number> {
  const url = await createDatabase(server, 'sagas');
  try {
    const child = fork(fileURLToPath(new URL('./sagas/child.js', import.meta.url)), [name, url, String(chains)]);
    const ended = once(child, 'exit').then(() => Promise.reject(new Error(`${name} ended without a result`)));
    ended.catch(() => undefined);
    const [{ seconds }] = (await Promise.race([once(child, 'message'), ended])) as [{ seconds: number }];
    await once(child, 'exit');
    return (chains * STEPS) / seconds;
  } finally {
    await dropDatabase(server, url);
  }
}

/** Ratios are taken within a round: what disturbs a round disturbs all in it. */
function tableOf(rates: Readonly<Record<string, readonly number[]>>): string {
  const ours = rates['concord'] ?? [];
  const rows = Object.entries(rates).map(([name, steps]) => [
    name,
    Math.round(median(steps)).toLocaleString('en'),
    median(ours.map((rate, round) => rate / (steps[round] ?? Number.NaN))).toFixed(2),
  ]);
  return markdown(['contender', 'steps/s', 'concord is x'], rows, 1);
}

function readOptions(): { readonly rounds: number; readonly chains: number; readonly save: boolean } {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '5' },
      chains: { type: 'string', default: '400' },
      save: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    process.exit(0);
  }
  const [rounds, chains] = [Number(values.rounds), Number(values.chains)];
  if (!(Number.isInteger(rounds) && rounds > 0 && Number.isInteger(chains) && chains > 0)) throw new Error(HELP);
  return { rounds, chains, save: values.save };
}

const note = (text: string): void => void process.stderr.write(`${text}\n`);

await main();
