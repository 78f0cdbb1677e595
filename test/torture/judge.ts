// The judge of the torture test. It knows nothing of how the store works: it compares what is in the table, what the writers
// were told, and what the readers saw.
import type { Reading, WriterNote } from './model.js';

/** A row of concord.events, as SQL gives it. */
export interface Row {
  readonly position: bigint;
  readonly id: string;
  readonly stream: string;
  readonly streamPosition: bigint;
  readonly type: string;
  /** How many events the command that decided it had seen, if it was one. */
  readonly seen: number | null;
}

export interface Verdict {
  readonly violations: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
}

interface Operation {
  readonly begun: Extract<WriterNote, { kind: 'begun' }>;
  acknowledged?: Extract<WriterNote, { kind: 'acknowledged' }>;
  refused?: Extract<WriterNote, { kind: 'refused' }>;
  unknown: number;
}

/** `rows` in the order of their positions. */
export function judge(rows: readonly Row[], notes: readonly WriterNote[], readings: readonly Reading[]): Verdict {
  const operations = operationsOf(notes);
  const violations = [
    ...judgeStreams(rows),
    ...judgeOperations(rows, operations),
    ...judgeTimes(rows, operations),
    ...judgeErrors(notes, operations),
    ...readings.flatMap((reading) => judgeReading(rows, reading)),
  ];
  const of = (kind: WriterNote['kind']): number => notes.filter((note) => note.kind === kind).length;
  const counts = {
    events: rows.length,
    operations: of('begun'),
    acknowledged: of('acknowledged'),
    refused: of('refused'),
    'with a lost answer': operations.filter(({ unknown }) => unknown > 0).length,
    'never answered': operations.filter(({ acknowledged, refused }) => !acknowledged && !refused).length,
    readings: readings.length,
    'readings live': readings.filter(({ live }) => live).length,
    'events read': readings.reduce((sum, { events }) => sum + events.length, 0),
  };
  return { violations, counts };
}

function operationsOf(notes: readonly WriterNote[]): Operation[] {
  const operations = new Map<string, Operation>();
  for (const note of notes) {
    if (note.kind === 'begun') {
      operations.set(note.op, { begun: note, unknown: 0 });
      continue;
    }
    const operation = operations.get(note.op);
    if (!operation) throw new Error(`${note.op} was answered before it began`);
    if (note.kind === 'acknowledged') operation.acknowledged = note;
    else if (note.kind === 'refused') operation.refused = note;
    else operation.unknown += 1;
  }
  return [...operations.values()];
}

/** Positions from 0 without a gap, in the order of the feed; a command saw exactly what stands before its event. */
function judgeStreams(rows: readonly Row[]): string[] {
  const violations: string[] = [];
  const ends = new Map<string, bigint>();
  for (const { stream, streamPosition, seen, position } of rows) {
    const expected = (ends.get(stream) ?? -1n) + 1n;
    if (streamPosition !== expected) {
      violations.push(`${stream} has position ${streamPosition} where ${expected} is due, at ${position} of the feed`);
    }
    if (seen !== null && BigInt(seen) !== streamPosition) {
      violations.push(`a command saw ${seen} events of ${stream}, and its own became number ${streamPosition}`);
    }
    ends.set(stream, streamPosition);
  }
  return violations;
}

/** Nothing is there twice, and nothing that nobody planned; for the rest see judgeOperation. */
function judgeOperations(rows: readonly Row[], operations: readonly Operation[]): string[] {
  const stored = new Map(rows.map((row) => [row.id, row]));
  const twice = rows.filter((row) => stored.get(row.id) !== row);
  const planned = new Set(operations.flatMap(({ begun }) => begun.events.map(({ id, stream }) => `${stream} ${id}`)));
  const strange = rows.filter(({ id, stream }) => !planned.has(`${stream} ${id}`));
  return [
    ...twice.map(({ id }) => `event ${id} is there twice`),
    ...strange.map(({ id, stream }) => `event ${id} is there in ${stream}, where nobody planned it`),
    ...operations.flatMap((operation) => judgeOperation(operation, stored)),
  ];
}

/** Acknowledged: all there, where it was said. Refused: nothing there. Unknown: all or nothing. */
function judgeOperation({ begun, acknowledged, refused }: Operation, stored: ReadonlyMap<string, Row>): string[] {
  const found = begun.events.flatMap(({ id }) => stored.get(id)?.position ?? []);
  const missing = begun.events.length - found.length;
  // A repeat is answered without positions of its own.
  const told = acknowledged?.positions ?? [];
  const isTold = told.length === 0 || told.join() === found.join();
  const isRefused = refused !== undefined && acknowledged === undefined;
  const faults: readonly (readonly [boolean, string])[] = [
    [acknowledged !== undefined && missing > 0, `was acknowledged, and ${missing} events are lost`],
    [isRefused && found.length > 0, 'was refused, and is there'],
    [missing > 0 && found.length > 0, 'is there in part'],
    [!isTold, 'stands at other positions than was said'],
  ];
  return faults.filter(([isSo]) => isSo).map(([, fault]) => `${begun.what} ${begun.op} ${fault}`);
}

/** What was acknowledged before another append began stands before it. */
function judgeTimes(rows: readonly Row[], operations: readonly Operation[]): string[] {
  const positions = new Map(rows.map(({ id, position }) => [id, position]));
  const placed = operations.flatMap(({ begun, acknowledged }) => {
    const own = begun.events.flatMap(({ id }) => positions.get(id) ?? []);
    if (own.length === 0) return [];
    const end = acknowledged && BigInt(acknowledged.at);
    return [
      { name: `${begun.what} ${begun.op}`, begun: BigInt(begun.at), end, first: least(own), last: greatest(own) },
    ];
  });
  const ended = placed.filter(({ end }) => end !== undefined).toSorted((a, b) => compare(a.end ?? 0n, b.end ?? 0n));
  const violations: string[] = [];
  let next = 0;
  let highest: (typeof placed)[number] | undefined;
  for (const operation of placed.toSorted((a, b) => compare(a.begun, b.begun))) {
    for (let before = ended[next]; before && (before.end ?? 0n) < operation.begun; before = ended[(next += 1)]) {
      if (!highest || before.last > highest.last) highest = before;
    }
    if (highest && highest.last > operation.first) {
      violations.push(
        `${operation.name} stands at ${operation.first}, before ${highest.name}, which had ended before it began`,
      );
    }
  }
  return violations;
}

/** Locks are there so that nobody runs into the net below them, and commands never into an expected version. */
function judgeErrors(notes: readonly WriterNote[], operations: readonly Operation[]): string[] {
  const names = new Map(operations.map(({ begun }) => [begun.op, begun.what]));
  return notes.flatMap((note) => {
    if (note.kind !== 'refused' && note.kind !== 'unknown') return [];
    const what = names.get(note.op) ?? '';
    const isBroken =
      note.message.includes('events_stream_key') ||
      (what === 'command' && note.code === 'wrong-expected-version') ||
      (note.kind === 'unknown' && !UNKNOWN.has(note.code));
    return isBroken ? [`${what} ${note.op} met ${note.code}: ${note.message}`] : [];
  });
}

const UNKNOWN = new Set(['database-unavailable', 'commit-unknown']);

/** Exactly the events that match, each once, in the one order. */
function judgeReading(rows: readonly Row[], reading: Reading): string[] {
  const { filter, direction } = reading;
  const [after, through] = [BigInt(reading.after), BigInt(reading.through)];
  const due = rows
    .slice(firstAbove(rows, after), firstAbove(rows, through))
    .filter(({ stream, type }) => matches(filter, stream, type))
    .map(({ position, id }) => `${position} ${id}`);
  if (direction === 'backwards') due.reverse();
  const at = due.findIndex((event, index) => event !== reading.events[index]);
  if (at < 0 && due.length === reading.events.length) return [];
  const index = at < 0 ? due.length : at;
  const saw = new Set(reading.events);
  const missed = due.filter((event) => !saw.has(event)).length;
  return [
    `a reader (${direction}, ${reading.live ? 'live' : 'catching up'}, ${JSON.stringify(filter)}, ${after} to ${through}) ` +
      `saw ${reading.events[index] ?? 'nothing'} where ${due[index] ?? 'nothing'} is due; ` +
      `it saw ${reading.events.length} of ${due.length} events and missed ${missed}`,
  ];
}

function matches({ categories, types, streamPrefixes }: Reading['filter'], stream: string, type: string): boolean {
  if (categories && !categories.includes(stream.slice(0, stream.indexOf('-')))) return false;
  if (types && !types.includes(type)) return false;
  return !streamPrefixes || streamPrefixes.some((prefix) => stream.startsWith(prefix));
}

/** The index of the first row above a position. */
function firstAbove(rows: readonly Row[], position: bigint): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((rows[middle]?.position ?? 0n) > position) high = middle;
    else low = middle + 1;
  }
  return low;
}

const compare = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);
const least = (values: readonly bigint[]): bigint => values.reduce((a, b) => (a < b ? a : b));
const greatest = (values: readonly bigint[]): bigint => values.reduce((a, b) => (a > b ? a : b));
