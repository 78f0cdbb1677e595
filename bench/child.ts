// The process of one contender: opens it, and measures what the parent asks for. A process each, because heaps, JIT and
// pg's global type parsers (Emmett sets its own) would otherwise reach from one contender into the next.
import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import {
  type CaseSize,
  type Contender,
  MANY,
  present,
  PROJECTION_STREAMS,
  READ_LENGTH,
  type Seed,
  type Settings,
  WARM_STREAMS,
} from './contender.js';
import { ConcordContender } from './contenders/concord.js';
import { EmmettContender } from './contenders/emmett.js';
import { MessageDbContender } from './contenders/message-db.js';
import { RawContender } from './contenders/raw.js';

export type Request =
  | { readonly ask: 'open'; readonly contender: string; readonly settings: Settings }
  | { readonly ask: 'show'; readonly setting: string }
  | { readonly ask: 'measure'; readonly line: string; readonly what: CaseSize }
  | { readonly ask: 'close' };

export interface Answer {
  readonly value?: string | number | undefined;
  readonly error?: string;
}

const MAKE: Readonly<Record<string, () => Contender>> = {
  concord: () => new ConcordContender(),
  emmett: () => new EmmettContender(),
  'message-db': () => new MessageDbContender(),
  raw: () => new RawContender(),
};
const MAX_SEEDED_EVENTS = 9;

let contender: Contender;
let longStream: string | undefined;
let projected = 0;

async function answer(request: Request): Promise<string | number | undefined> {
  switch (request.ask) {
    case 'open':
      contender = present(MAKE[request.contender], request.contender)();
      await contender.open(request.settings);
      return undefined;
    case 'show':
      return contender.show(request.setting);
    case 'measure':
      return measure(request.line, request.what);
    case 'close':
      return contender.close().then(() => undefined);
  }
}

/** Seconds. */
async function measure(line: string, what: CaseSize): Promise<number> {
  if (what.name === 'read') return measureRead(what.count);
  if (what.name === 'projection') return measureProjection(line, what.count);
  if (what.name === 'append100') return measureMany(what);
  const ids = idsFor(what);
  if (what.name.startsWith('append')) return timed(() => inFlight(what.inFlight, ids, (id) => contender.append(id)));
  const isHot = what.name === 'hot@32';
  const seeded = isHot || what.name === 'warm@32' ? [] : ids;
  await contender.seed(seeded.map((id, index) => ({ id, events: index % (MAX_SEEDED_EVENTS + 1) })));
  return timed(() => inFlight(what.inFlight, ids, (id) => contender.command(line, id, isHot)));
}

/** The accounts of a case, in order: all different, or the same again and again. */
function idsFor({ name, count }: CaseSize): string[] {
  const streams = name === 'hot@32' ? 1 : name === 'warm@32' ? WARM_STREAMS : count;
  const ids = Array.from({ length: Math.min(streams, count) }, () => randomUUID());
  return Array.from({ length: count }, (_, index) => ids[index % ids.length] ?? '');
}

async function measureMany(what: CaseSize): Promise<number> {
  const ids = Array.from({ length: what.count / MANY }, () => randomUUID());
  return timed(() => inFlight(what.inFlight, ids, (id) => contender.appendMany?.(id, MANY) ?? Promise.resolve()));
}

async function measureRead(count: number): Promise<number> {
  if (longStream === undefined) {
    longStream = randomUUID();
    await contender.seed([{ id: longStream, events: READ_LENGTH }]);
    await contender.vacuum();
  }
  const stream = longStream;
  return timed(async () => {
    for (let read = 0; read < count; read += READ_LENGTH) {
      const events = await contender.read(stream);
      if (events !== READ_LENGTH) throw new Error(`read ${events} events of ${READ_LENGTH}`);
    }
  });
}

async function measureProjection(line: string, count: number): Promise<number> {
  if (projected < count) {
    // Round robin over the streams, as accounts that live at the same time have it: no batch finds a row twice.
    const ids = Array.from({ length: PROJECTION_STREAMS }, () => randomUUID());
    const seeds = Array.from({ length: count - projected }, (_, index): Seed => {
      return { id: ids[index % PROJECTION_STREAMS] ?? '', events: 1 };
    });
    await contender.seedProjection(seeds);
    await contender.vacuum();
    projected = count;
  }
  const projection = await contender.prepareProjection(line);
  const seconds = await timed(() => projection.run());
  const { events } = await projection.result();
  if (events !== projected) throw new Error(`${line}: the rows show ${events} events of ${projected}`);
  return (seconds * count) / projected;
}

async function timed(work: () => Promise<void>): Promise<number> {
  globalThis.gc?.();
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1000;
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
