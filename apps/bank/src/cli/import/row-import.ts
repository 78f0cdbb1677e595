// Sends the rows of a file as commands, many lanes at a time, and counts what became of them.
import type { CommandBus } from '@nestjs/cqrs';
import { InvariantBroken } from '@concord/domain';
import type { EventStore } from '@concord/event-store';
import { type GlobalPosition, InvalidArgument } from '@concord/kernel';
import type { ImportOptions } from './import-options.js';
import { importedBefore } from './imported-before.js';
import { Lanes } from './lanes.js';
import type { Read } from './rows.js';
import { isFrom, type Sending } from './sendings.js';

/** What became of the rows of a file. */
export interface Tally {
  imported: number;
  /** By an earlier run. */
  present: number;
  refused: number;
}

/** What a kind of row needs besides being sent. */
export interface RowSteps {
  /** Why a row cannot be sent; undefined when it can. */
  readonly check?: (sending: Sending) => string | undefined;
  /** Runs before a row is sent, in its lane. */
  readonly prepare?: (sending: Sending) => Promise<void>;
  readonly onRefused?: (sending: Sending) => void;
}

const CHUNK = 500;
const CHANGED = 'its id was imported before with another content: give it an id of its own, or take the change back';

export class RowImport {
  readonly tallies: { readonly file: string; readonly tally: Tally }[] = [];
  position: GlobalPosition | undefined;
  private settled = 0;

  constructor(
    private readonly commands: CommandBus,
    private readonly store: EventStore,
    private readonly options: ImportOptions,
  ) {}

  async file(file: string, reads: AsyncIterable<Read<Sending>>, steps: RowSteps = {}): Promise<void> {
    const rows = new FileRows(file, steps, this.options, () => this.options.onProgress?.((this.settled += 1)));
    this.tallies.push({ file, tally: rows.tally });
    const lanes = new Lanes(this.options.concurrency);
    const stop = (): void => lanes.clear();
    this.options.signal?.addEventListener('abort', stop);
    for await (const chunk of chunks(reads)) {
      if (this.stopping) break;
      await this.chunk(chunk, rows, lanes);
    }
    await lanes.drained();
    this.options.signal?.removeEventListener('abort', stop);
  }

  private get stopping(): boolean {
    return this.options.signal?.aborted ?? false;
  }

  private async chunk(chunk: readonly Read<Sending>[], rows: FileRows, lanes: Lanes): Promise<void> {
    const sendings = chunk.flatMap((read) => (read.refused === undefined ? [read.row] : []));
    const before = await importedBefore(this.store, sendings);
    for (const read of chunk) {
      if (this.stopping) return;
      if (read.refused !== undefined) {
        rows.refuse(read.line, read.refused);
        continue;
      }
      const { line, row } = read;
      const event = before.get(row.commandId);
      if (!event) await lanes.add(row.lane, () => this.send(rows, line, row));
      else if (isFrom(row, event)) rows.settle('present');
      else rows.refuse(line, CHANGED, row);
    }
  }

  private async send(rows: FileRows, line: number, sending: Sending): Promise<void> {
    const problem = rows.steps.check?.(sending);
    if (problem !== undefined) {
      rows.refuse(line, problem, sending);
      return;
    }
    try {
      await rows.steps.prepare?.(sending);
      rows.settle(await this.apply(sending));
    } catch (error) {
      if (!(error instanceof InvariantBroken || error instanceof InvalidArgument)) throw error;
      rows.refuse(line, error.message, sending);
    }
  }

  private async apply({ command }: Sending): Promise<'imported' | 'present'> {
    const { repeated, streams, position = 0n } = await this.commands.execute(command);
    if (position > (this.position ?? 0n)) this.position = position;
    // A command without an event found what it wanted there already.
    return repeated || streams.length === 0 ? 'present' : 'imported';
  }
}

class FileRows {
  readonly tally: Tally = { imported: 0, present: 0, refused: 0 };

  constructor(
    private readonly file: string,
    readonly steps: RowSteps,
    private readonly options: ImportOptions,
    private readonly onSettled: () => void,
  ) {}

  settle(as: keyof Tally): void {
    this.tally[as] += 1;
    this.onSettled();
  }

  refuse(line: number, reason: string, sending?: Sending): void {
    this.settle('refused');
    this.options.onRefused?.({ file: this.file, line, reason });
    if (sending) this.steps.onRefused?.(sending);
  }
}

async function* chunks<Item>(items: AsyncIterable<Item>): AsyncGenerator<Item[], void> {
  let chunk: Item[] = [];
  for await (const item of items) {
    chunk.push(item);
    if (chunk.length < CHUNK) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
