// npm run bench: every contender does every case in every round, in an order that is drawn anew each time, on one server.
import { mkdirSync, writeFileSync } from 'node:fs';
import { openPostgres } from '@concord/database';
import { type CaseSize, CONTENDERS, type Line, LINES, type Measured, present } from './contender.js';
import { dropLeftovers } from './databases.js';
import { machineOf } from './machine.js';
import { Opened } from './opened.js';
import { type Options, readOptions } from './options.js';
import type { Remote } from './remote.js';
import { type CaseResult, type Figure, figureOf, latencyTable, rowsOf, shown, table } from './report.js';
import { verdict } from './goals.js';
import { shuffled } from './shuffled.js';

const DATA_FOLDER = '.concord-bench';
const RESULTS = 'bench/results';
const DURABLE = ['fsync', 'synchronous_commit', 'full_page_writes'];

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  const lease = await openPostgres({ dataFolder: DATA_FOLDER, onProgress: note });
  const opened = new Opened(lease.url);
  try {
    if (lease.embedded) await dropLeftovers(lease.url);
    const machine = await machineOf(lease.url);
    note(`${machine.cores} cores, ${machine.cpu}; PostgreSQL ${machine.postgres}; node ${machine.node}`);
    for (const contender of options.contenders) await opened.open(contender, options);
    await checkDurable(opened.remotes);
    await leaveOutWhatCannotBe(opened.remotes);
    const results = await measure(opened.remotes, options);
    print(`\n${table(results)}\n${latencyTable(results)}\n${verdict(results)}\n`);
    if (options.save) save({ machine, options, rows: results.flatMap(rowsOf), results });
  } finally {
    await opened.close();
    await lease.release();
  }
}

/** Every contender commits durably, or the figures mean nothing. */
async function checkDurable(remotes: ReadonlyMap<string, Remote>): Promise<void> {
  for (const [contender, remote] of remotes) {
    for (const setting of DURABLE) {
      const value = await remote.show(setting);
      if (value !== undefined && value !== 'on')
        throw new Error(`${contender} runs with ${setting} ${value}: the benchmark wants it on`);
    }
  }
}

/** Lines that this server does not allow. */
const leftOut = new Set<string>();

async function leaveOutWhatCannotBe(remotes: ReadonlyMap<string, Remote>): Promise<void> {
  if ((await remotes.get('two-stores')?.show('max_prepared_transactions')) !== '0') return;
  leftOut.add(LINES.preparedByHand.name);
  note(`${LINES.preparedByHand.name} is left out: the server has max_prepared_transactions 0`);
}

async function measure(remotes: ReadonlyMap<string, Remote>, options: Options): Promise<CaseResult[]> {
  for (const what of options.warmUp) await oneRound(remotes, what, 'warm-up');
  const rounds = new Map<CaseSize, Record<string, Figure[]>>(options.cases.map((what) => [what, {}]));
  for (let round = 1; round <= options.rounds; round += 1) {
    for (const [what, byLine] of rounds) {
      const figures = await oneRound(remotes, what, `round ${round}`);
      for (const [line, figure] of figures) (byLine[line] ??= []).push(figure);
    }
  }
  return options.cases.map((what) => ({ what, rounds: inOrder(rounds.get(what) ?? {}) }));
}

async function oneRound(
  remotes: ReadonlyMap<string, Remote>,
  what: CaseSize,
  label: string,
): Promise<Map<string, Figure>> {
  const measured = new Map<string, Measured[]>();
  const slice = { ...what, count: what.count / what.slices };
  const jobs = [...remotes].flatMap(([contender, remote]) =>
    linesOf(contender)
      .filter((line) => line.cases.includes(what.name) && !leftOut.has(line.name))
      .map((line) => ({ remote, line })),
  );
  for (let number = 0; number < what.slices; number += 1) {
    for (const { remote, line } of shuffled(jobs)) {
      const piece = await remote.measure(line.name, slice);
      measured.set(line.name, [...(measured.get(line.name) ?? []), piece]);
    }
  }
  const figures = new Map([...measured].map(([line, pieces]) => [line, figureOf(what.count, pieces)]));
  note(`${label}, ${what.name}: ${[...figures].map(([line, figure]) => `${line} ${shown(figure)}`).join(', ')}`);
  return figures;
}

function linesOf(contender: string): readonly Line[] {
  return present(CONTENDERS[contender], `a contender called ${contender}`);
}

function inOrder(byLine: Readonly<Record<string, Figure[]>>): Record<string, Figure[]> {
  const lines: readonly Line[] = Object.values(CONTENDERS).flat();
  return Object.fromEntries(lines.flatMap(({ name }) => (byLine[name] ? [[name, byLine[name]]] : [])));
}

function save(report: object): void {
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(`${RESULTS}/latest.json`, `${JSON.stringify(report, undefined, 2)}\n`);
  note(`written to ${RESULTS}/latest.json`);
}

const print = (text: string): void => void process.stdout.write(text);
const note = (text: string): void => void process.stderr.write(`${text}\n`);

await main();
