// The process of one contender: opens it, and measures what the parent asks for. A process each, because heaps, JIT and
// pg's global type parsers (Emmett sets its own) would otherwise reach from one contender into the next.
import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { depositInto, otherAccountOf } from './account.js';
import {
  type CaseKind,
  type CaseSize,
  type Contender,
  FEED_STREAMS,
  MANY,
  type Measured,
  present,
  PROJECTION_STREAMS,
  READ_LENGTH,
  RECORDS,
  type Seed,
  type Settings,
  WARM_STREAMS,
} from './contender.js';
import { ConcordContender } from './contenders/concord.js';
import { EmmettContender } from './contenders/emmett.js';
import { BareKurrentContender } from './contenders/bare-kurrent.js';
import { KurrentContender } from './contenders/kurrent.js';
import { MessageDbContender } from './contenders/message-db.js';
import { RawContender } from './contenders/raw.js';
import { BareRedisContender, RedisLocksContender } from './contenders/redis-locks.js';
import { TwoStoresContender } from './contenders/two-stores.js';

export type Request =
  | { readonly ask: 'open'; readonly contender: string; readonly settings: Settings }
  | { readonly ask: 'show'; readonly setting: string }
  | { readonly ask: 'measure'; readonly line: string; readonly what: CaseSize }
  | { readonly ask: 'close' };

export interface Answer {
  readonly value?: string | Measured | undefined;
  readonly error?: string;
}

const MAKE: Readonly<Record<string, () => Contender>> = {
  concord: () => new ConcordContender(),
  'two-stores': () => new TwoStoresContender(),
  emmett: () => new EmmettContender(),
  'message-db': () => new MessageDbContender(),
  raw: () => new RawContender(),
  kurrent: () => new KurrentContender(),
  'kurrent-bare': () => new BareKurrentContender(),
  'redis-locks': () => new RedisLocksContender(),
  'redis-bare': () => new BareRedisContender(),
};
const MAX_SEEDED_EVENTS = 9;

let contender: Contender;
let longStream: string | undefined;
let projected = 0;
let fed = 0;
let recorded: readonly string[] = [];

async function answer(request: Request): Promise<Answer['value']> {
  switch (request.ask) {
    case 'open':
      contender = present(MAKE[request.contender], request.contender)();
      await contender.open(request.settings);
      return undefined;
    case 'show':
      return contender.show(request.setting);
    case 'measure':
      return present(MEASURE[request.what.kind], 'a case like that')(request.line, request.what);
    case 'close':
      return contender.close().then(() => undefined);
  }
}

type Measure = (line: string, what: CaseSize) => Promise<Measured>;

const MEASURE: Readonly<Record<CaseKind, Measure>> = {
  append: (_line, what) => measureAppends(what),
  append100: (_line, what) => measureMany(what),
  command: measureCommands,
  read: (_line, what) => measureRead(what.count),
  projection: (line, what) => measureProjection(line, what.count),
  catchup: (line, what) => measureCatchUp(line, what.count),
  live: (line, what) => measureLive(line, what.count),
  lock: (_line, what) => measureLocks(what),
  record: (_line, what) => measureRecords(what),
  waking: async (line, what) => (await contender.waking?.(line, () => measureAppends(what))) ?? missing(),
};

async function measureAppends(what: CaseSize): Promise<Measured> {
  const ids = idsFor(what);
  return timed(() => inFlight(what.inFlight, ids, (id) => contender.append?.(id) ?? missing()));
}

async function measureRecords(what: CaseSize): Promise<Measured> {
  if (recorded.length === 0) {
    recorded = Array.from({ length: RECORDS }, () => randomUUID());
    await (contender.seedRecords?.(recorded) ?? missing());
    await contender.vacuum();
  }
  const ids = Array.from({ length: what.count }, (_, index) => recorded[index % RECORDS] ?? '');
  return timed(() => inFlight(what.inFlight, ids, (id) => contender.record?.(id) ?? missing()));
}

async function measureLocks(what: CaseSize): Promise<Measured> {
  const ids = idsFor(what);
  return timed(() => inFlight(what.inFlight, ids, (id) => contender.lock?.(id) ?? missing()));
}

async function measureCommands(line: string, what: CaseSize): Promise<Measured> {
  const ids = idsFor(what);
  const isHot = what.name === 'hot@32';
  const seeds = seededFor(what, ids).map((id, index) => ({ id, events: index % (MAX_SEEDED_EVENTS + 1) }));
  await (contender.seed?.(seeds) ?? missing());
  return timed(() => inFlight(what.inFlight, ids, (id) => contender.command?.(line, id, isHot) ?? missing()));
}

const WITHOUT_SEED: readonly string[] = ['hot@32', 'warm@32', 'lock@8', 'two-phase@8'];

function seededFor({ name }: CaseSize, ids: readonly string[]): readonly string[] {
  if (WITHOUT_SEED.includes(name)) return [];
  return name === 'transfer@32' ? ids.flatMap((id) => [id, otherAccountOf(id)]) : ids;
}

/** The accounts of a case, in order: all different, or the same again and again. */
function idsFor({ name, count }: CaseSize): string[] {
  const streams = name === 'hot@32' ? 1 : name === 'warm@32' ? WARM_STREAMS : count;
  const ids = Array.from({ length: Math.min(streams, count) }, () => randomUUID());
  return Array.from({ length: count }, (_, index) => ids[index % ids.length] ?? '');
}

async function measureMany(what: CaseSize): Promise<Measured> {
  const ids = Array.from({ length: what.count / MANY }, () => randomUUID());
  return timed(() => inFlight(what.inFlight, ids, (id) => contender.appendMany?.(id, MANY) ?? missing()));
}

async function measureRead(count: number): Promise<Measured> {
  if (longStream === undefined) {
    longStream = randomUUID();
    await (contender.seed?.([{ id: longStream, events: READ_LENGTH }]) ?? missing());
    await contender.vacuum();
  }
  const stream = longStream;
  return timed(async () => {
    for (let read = 0; read < count; read += READ_LENGTH) {
      const events = await (contender.read?.(stream) ?? missing());
      if (events !== READ_LENGTH) throw new Error(`read ${events} events of ${READ_LENGTH}`);
    }
  });
}

async function measureProjection(line: string, count: number): Promise<Measured> {
  if (projected < count) {
    await (contender.seedProjection?.(roundRobin(PROJECTION_STREAMS, count - projected)) ?? missing());
    await contender.vacuum();
    projected = count;
  }
  const projection = await (contender.prepareProjection?.(line) ?? missing());
  const measured = await timed(() => projection.run());
  const { events } = await projection.result();
  if (events !== projected) throw new Error(`${line}: the rows show ${events} events of ${projected}`);
  return times(measured, count / projected);
}

async function measureCatchUp(line: string, count: number): Promise<Measured> {
  if (fed < count) {
    await (contender.seedFeed?.(roundRobin(FEED_STREAMS, count - fed)) ?? missing());
    await contender.vacuum();
    fed = count;
  }
  const catchUp = await (contender.prepareCatchUp?.(line, fed) ?? missing());
  const tally = { events: 0, amount: 0 };
  const measured = await timed(() =>
    catchUp.run(({ amount }) => {
      tally.events += 1;
      tally.amount += amount;
    }),
  );
  const amount = catchUp.events * depositInto('').amount;
  if (tally.events !== catchUp.events || tally.amount !== amount) {
    throw new Error(`${line}: handled ${tally.events} events of ${catchUp.events}, ${tally.amount} of ${amount}`);
  }
  return times(measured, count / catchUp.events);
}

/** Its own seconds: without the start of what follows. */
async function measureLive(line: string, count: number): Promise<Measured> {
  let measured: Omit<Measured, 'cpu'> | undefined;
  const { cpu } = await timed(async () => {
    measured = await (contender.live?.(line, count) ?? missing());
  });
  return { ...present(measured, 'a latency'), cpu };
}

/** Round robin over the streams, as accounts that live at the same time have it: no batch finds one of them twice. */
function roundRobin(streams: number, count: number): Seed[] {
  const ids = Array.from({ length: streams }, () => randomUUID());
  return Array.from({ length: count }, (_, index) => ({ id: ids[index % streams] ?? '', events: 1 }));
}

function missing(): never {
  throw new Error('this contender does not do that case');
}

/** What a case of another size would have taken. */
function times({ seconds, cpu }: Measured, factor: number): Measured {
  return { seconds: seconds * factor, cpu: cpu * factor };
}

async function timed(work: () => Promise<void>): Promise<Measured> {
  const usage = process.cpuUsage();
  const begun = performance.now();
  await work();
  const seconds = (performance.now() - begun) / 1000;
  const { user, system } = process.cpuUsage(usage);
  return { seconds, cpu: (user + system) / 1e6 };
}

async function inFlight(limit: number, ids: readonly string[], work: (id: string) => Promise<void>): Promise<void> {
  // All lanes take from one iterator.
  const next = ids.values();
  const lane = async (): Promise<void> => {
    for (const id of next) await work(id);
  };
  await Promise.all(Array.from({ length: limit }, lane));
}

// Without a parent there is nobody to measure for.
process.on('disconnect', () => process.exit());

process.on('message', (request: Request) => {
  answer(request).then(
    (value) => process.send?.({ value } satisfies Answer),
    (error: unknown) =>
      process.send?.({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
});
