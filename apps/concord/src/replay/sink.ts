// Where a replay goes: lines to standard output, or batches to a URL. Each takes events in order, and says up to where it has
// handed them on: everything up to there is with the receiver, so that a replay that broke off goes on behind it.
import { lineOfStored, type TenantEvent } from '../event-line.js';
import type { Output } from '../output.js';

export abstract class Sink {
  /** The last event that is with the receiver. */
  handedOn: bigint | undefined;
  events = 0;

  /** Takes an event; resolves when there is room for the next one. */
  abstract take(event: TenantEvent): Promise<void> | undefined;

  /** Hands on what was taken. */
  abstract flush(): Promise<void>;

  protected hand(count: number, last: bigint): void {
    this.events += count;
    this.handedOn = last;
  }
}

const CHUNK = 65_536;

/** Lines of JSON. */
export class LineSink extends Sink {
  private text = '';
  private waiting = 0;
  private last = -1n;

  constructor(private readonly output: Output) {
    super();
  }

  override take(event: TenantEvent): Promise<void> | undefined {
    this.text += `${lineOfStored(event)}\n`;
    this.waiting += 1;
    this.last = event.global_position;
    return this.text.length >= CHUNK ? this.flush() : undefined;
  }

  override async flush(): Promise<void> {
    if (this.waiting === 0) return;
    const [text, count] = [this.text, this.waiting];
    this.text = '';
    this.waiting = 0;
    await this.output.write(text);
    if (this.output.stopped() !== 'reader') this.hand(count, this.last);
  }
}
