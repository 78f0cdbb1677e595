// npm run bench:growth: stores of 10,000 to 5,000,000 events on one server, measured in turn. Appending and reading a stream
// are to cost the same in each.
import { mkdirSync, statfsSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { openPostgres } from '@concord/database';
import { present } from './contender.js';
import { createDatabase, dropDatabase, dropLeftovers } from './databases.js';
import { type Footprint, GrownStore, type Size } from './grown-store.js';
import { machineOf } from './machine.js';
import { markdown, median } from './report.js';
import { shuffled } from './shuffled.js';

const DATA_FOLDER = '.concord-bench';
const RESULTS = 'bench/results';
// With its part of the WAL.
const DISK_BYTES_AN_EVENT = 2_000;

const SIZES: readonly Size[] = [
  { name: '10k', events: 10_000, perStream: 10 },
  { name: '100k', events: 100_000, perStream: 10 },
  { name: '1M', events: 1_000_000, perStream: 10 },
  { name: '5M', events: 5_000_000, perStream: 5 },
];

const HELP = `npm run bench:growth -- [options]
  --to <size>   the largest store: 10k, 100k, 1M (default) or 5M
  --rounds <n>  rounds to take the medians of (5)
  --quick       up to 100k events, 2 rounds
  --save        write bench/results/growth.json
`;

/** One store in one round. Operations a second. */
interface Figures {
  readonly append1: number;
  readonly append32: number;
  readonly read: number;
}

interface Grown {
  readonly size: Size;
  readonly footprint: Footprint;
  readonly rounds: Figures[];
}

interface Options {
  readonly sizes: readonly Size[];
  readonly rounds: number;
  readonly save: boolean;
}

async function main(): Promise<void> {
  const { sizes, rounds, save } = readOptions();
  mkdirSync(DATA_FOLDER, { recursive: true });
  const lease = await openPostgres({ dataFolder: DATA_FOLDER, onProgress: note });
  const urls: string[] = [];
  const stores: GrownStore[] = [];
  try {
    if (lease.embedded) await dropLeftovers(lease.url);
    if (lease.embedded) assertDisk(sizes);
    const machine = await machineOf(lease.url);
    note(`${machine.cores} cores, ${machine.cpu}; PostgreSQL ${machine.postgres}; node ${machine.node}`);
    for (const size of sizes) {
      const url = await createDatabase(lease.url, `growth_${size.events}`);
      urls.push(url);
      stores.push(await filled(size, url));
    }
    const grown = await measure(stores, rounds);
    process.stdout.write(`\n${speeds(grown)}\n\n${footprints(grown)}\n`);
    if (save) {
      mkdirSync(RESULTS, { recursive: true });
      writeFileSync(`${RESULTS}/growth.json`, `${JSON.stringify({ machine, grown }, undefined, 2)}\n`);
    }
  } finally {
    await Promise.allSettled(stores.map((store) => store.close()));
    for (const url of urls) await dropDatabase(lease.url, url);
    await lease.release();
  }
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      to: { type: 'string' },
      rounds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      save: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    process.exit(0);
  }
  const to = values.to ?? (values.quick ? '100k' : '1M');
  const last = SIZES.findIndex(({ name }) => name === to);
  if (last < 0) throw new Error(`--to ${to}: give one of ${SIZES.map(({ name }) => name).join(', ')}`);
  return {
    sizes: SIZES.slice(0, last + 1),
    rounds: Number(values.rounds ?? (values.quick ? 2 : 5)),
    save: values.save,
  };
}

/** Errors: there is not enough room. */
function assertDisk(sizes: readonly Size[]): void {
  const needed = sizes.reduce((sum, { events }) => sum + events, 0) * DISK_BYTES_AN_EVENT;
  const { bavail, bsize } = statfsSync(DATA_FOLDER);
  const free = bavail * bsize;
  note(`about ${gigabytes(needed)} of disk are needed while it runs, ${gigabytes(free)} are free`);
  if (free < needed) throw new Error('too little disk: free some, or give a smaller size with --to');
}

async function filled(size: Size, url: string): Promise<GrownStore> {
  const store = await GrownStore.open(size, url);
  const begun = performance.now();
  const since = (): string => `${((performance.now() - begun) / 1000).toFixed(0)} s`;
  await store.fill((events) => note(`${size.name}: ${events.toLocaleString('en')} events appended in ${since()}`));
  await store.settle();
  note(`${size.name}: filled and vacuumed in ${since()}`);
  return store;
}

/** The stores take turns, so that whatever disturbs the machine disturbs them all. The first round does not count. */
async function measure(stores: readonly GrownStore[], rounds: number): Promise<Grown[]> {
  const grown: Grown[] = [];
  for (const store of stores) grown.push({ size: store.size, footprint: await store.footprint(), rounds: [] });
  for (let round = 0; round <= rounds; round += 1) {
    for (const store of shuffled(stores)) {
      const figures = {
        append1: await store.appendsPerSecond(1, 400),
        append32: await store.appendsPerSecond(32, 3_000),
        read: await store.readsPerSecond(300),
      };
      const [one, many, read] = [figures.append1, figures.append32, figures.read].map((value) => Math.round(value));
      note(
        `${round === 0 ? 'warm-up' : `round ${round}`}, ${store.size.name}: ${one}, ${many} appends/s, ${read} reads/s`,
      );
      if (round > 0) grown.find(({ size }) => size === store.size)?.rounds.push(figures);
    }
  }
  return grown;
}

const SPEEDS = [
  'events',
  'streams',
  'append, 1 in flight',
  'x smallest',
  'append, 32 in flight',
  'x smallest',
  'read 100 events',
  'x smallest',
];

function speeds(grown: readonly Grown[]): string {
  const smallest = present(grown[0], 'a store');
  const cells = ({ rounds }: Grown, what: keyof Figures): string[] => [
    Math.round(median(rounds.map((figures) => figures[what]))).toLocaleString('en'),
    median(rounds.map((figures, round) => figures[what] / present(smallest.rounds[round], 'a round')[what])).toFixed(2),
  ];
  const lines = grown.map((store) => [
    store.footprint.events.toLocaleString('en'),
    store.footprint.streams.toLocaleString('en'),
    ...cells(store, 'append1'),
    ...cells(store, 'append32'),
    ...cells(store, 'read'),
  ]);
  return markdown(SPEEDS, lines, 0);
}

/** Bytes an event. */
function footprints(grown: readonly Grown[]): string {
  const indexes = Object.keys(grown[0]?.footprint.indexBytes ?? {}).sort();
  const perEvent = (what: string, bytes: (footprint: Footprint) => number): string[] => [
    what,
    ...grown.map(({ footprint }) => Math.round(bytes(footprint) / footprint.events).toLocaleString('en')),
  ];
  const lines = [
    perEvent('table', ({ tableBytes }) => tableBytes),
    ...indexes.map((index) => perEvent(index, ({ indexBytes }) => indexBytes[index] ?? 0)),
    ['whole database', ...grown.map(({ footprint }) => gigabytes(footprint.databaseBytes))],
  ];
  return markdown(['bytes an event', ...grown.map(({ size }) => `${size.name} events`)], lines, 1);
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(2)} GB`;
}

const note = (text: string): void => void process.stderr.write(`${text}\n`);

await main();
