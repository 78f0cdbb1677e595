// A history: what clients asked of a store and were told, in the words of docs/reference/histories.md. It becomes a list of
// transactions; what is no history at all is refused here.

export type Key = string | number;

/** One step of a transaction. A read of null is one whose outcome nobody knows. */
export type Step =
  readonly ['append', key: Key, element: number] | readonly ['r', key: Key, elements: readonly number[] | null];

export type LineType = 'invoke' | 'ok' | 'fail' | 'info';

/** A line of a history. `time` is in nanoseconds of one clock that is never set back. */
export interface Line<Value = unknown> {
  readonly process: string | number;
  readonly type: LineType;
  readonly time: number;
  readonly f: string;
  readonly value: Value;
}

/** What a process asked, and what came of it: `info` when nobody knows. */
export interface Operation {
  /** Counts all operations, in the order of their beginnings. */
  readonly index: number;
  readonly process: string | number;
  readonly f: string;
  readonly outcome: 'ok' | 'fail' | 'info';
  readonly invoked: number;
  /** When its answer came: of `ok` and `fail` only. An operation without one may take effect at any later time. */
  readonly completed: number | undefined;
  /** What was asked. */
  readonly asked: unknown;
  /** What was answered, of `ok`; else what was asked. */
  readonly value: unknown;
}

export interface Transaction extends Operation {
  readonly steps: readonly Step[];
}

/** This is no history; its line says where. */
export class HistoryInvalid extends Error {
  override readonly name = 'HistoryInvalid';
}

const TYPES: ReadonlySet<unknown> = new Set<LineType>(['invoke', 'ok', 'fail', 'info']);

/** Reads JSON lines; empty ones are skipped. Errors: HistoryInvalid. */
export function parseHistory(text: string): Line[] {
  return text.split('\n').flatMap((json, index) => (json.trim() === '' ? [] : parseLine(json, index + 1)));
}

/** Puts invocations and answers together. Errors: HistoryInvalid. */
export function operationsOf(lines: readonly Line[]): Operation[] {
  const open = new Map<string | number, { line: Line; index: number }>();
  const operations: Operation[] = [];
  let count = 0;
  let latest = -Infinity;
  for (const line of lines) {
    const { process, type, time } = line;
    if (time < latest) throw new HistoryInvalid(`${time} is after ${latest}: lines are in the order of time`);
    latest = time;
    const begun = open.get(process);
    if (type === 'invoke') {
      if (begun) throw new HistoryInvalid(`process ${process} begins at ${line.time} before it has ended what it did`);
      open.set(process, { line, index: count });
      count += 1;
      continue;
    }
    if (!begun) throw new HistoryInvalid(`process ${process} ends at ${line.time} what it never began`);
    open.delete(process);
    operations.push(operation(begun, line));
  }
  for (const begun of open.values()) operations.push(operation(begun, undefined));
  return operations.sort((a, b) => a.index - b.index);
}

/** The list-append transactions among operations (`f` is `txn`). Errors: HistoryInvalid. */
export function transactionsOf(operations: readonly Operation[]): Transaction[] {
  return operations
    .filter(({ f }) => f === 'txn')
    .map((operation) => {
      const transaction = { ...operation, steps: stepsOf(operation, operation.value) };
      const asked = appendsOf(stepsOf(operation, operation.asked));
      if (appendsOf(transaction.steps) === asked) return transaction;
      throw new HistoryInvalid(`process ${operation.process} was answered other appends than ${asked}`);
    });
}

function operation({ line, index }: { line: Line; index: number }, answer: Line | undefined): Operation {
  const outcome = answer === undefined || answer.type === 'invoke' ? 'info' : answer.type;
  return {
    index,
    process: line.process,
    f: line.f,
    outcome,
    invoked: line.time,
    completed: outcome === 'info' ? undefined : answer?.time,
    asked: line.value,
    value: outcome === 'ok' ? answer?.value : line.value,
  };
}

function parseLine(json: string, number: number): Line {
  const invalid = (why: string): HistoryInvalid => new HistoryInvalid(`line ${number}: ${why}`);
  let line: Partial<Line> | null;
  try {
    line = JSON.parse(json) as Partial<Line> | null;
  } catch {
    throw invalid('is no JSON');
  }
  if (typeof line !== 'object' || line === null) throw invalid('is no object');
  if (!isName(line.process)) throw invalid('`process` is a name or a number');
  if (!TYPES.has(line.type)) throw invalid('`type` is invoke, ok, fail or info');
  if (typeof line.time !== 'number' || !Number.isFinite(line.time)) throw invalid('`time` is a number of nanoseconds');
  if (typeof line.f !== 'string') throw invalid('`f` says what is done: txn, say');
  return line as Line;
}

function stepsOf({ process, invoked, outcome }: Operation, value: unknown): Step[] {
  if (!Array.isArray(value))
    throw new HistoryInvalid(`the transaction of ${process} at ${invoked} is no list of steps`);
  return value.map((step: unknown) => {
    if (isStep(step)) return step;
    throw new HistoryInvalid(
      `the ${outcome} transaction of ${process} at ${invoked} has a step ${JSON.stringify(step)}: ` +
        'write ["append", key, number] or ["r", key, [numbers] | null]',
    );
  });
}

function isStep(step: unknown): step is Step {
  if (!Array.isArray(step) || step.length !== 3) return false;
  const [what, key, value] = step as unknown[];
  if (!isName(key)) return false;
  if (what === 'append') return typeof value === 'number';
  return what === 'r' && (value === null || (Array.isArray(value) && value.every((one) => typeof one === 'number')));
}

const isName = (value: unknown): value is Key => typeof value === 'string' || typeof value === 'number';

function appendsOf(steps: readonly Step[]): string {
  return JSON.stringify(steps.filter(([what]) => what === 'append'));
}
