// Parked events on their way back to the consumers. They stay parked until they are done with; those that are parked again get
// a new link first.
import { Logger } from '@nestjs/common';
import type { Signal } from '@concord/subscriptions';
import type { Entry } from '../reading/source.js';
import { type Message, messageOf } from './message.js';
import type { ParkedEvents } from './parked.js';

export interface ReplayRoom {
  hasRoom(): boolean;
  readonly room: Signal;
  readonly stop: AbortSignal;
  readonly byCorrelation: boolean;
}

const PAGE = 100;
const FOR_EVER_MS = 2 ** 31 - 1;
const logger = new Logger('PersistentSubscription');

export class Replay {
  /** Positions that are under way, ascending. */
  private readonly open = new Set<bigint>();
  /** Everything before it was begun. */
  private next = 0n;
  private truncated = 0n;
  private running: Promise<void> | undefined;
  private truncating: Promise<void> = Promise.resolve();

  constructor(
    private readonly parked: ParkedEvents,
    private readonly deliver: (messages: readonly Message[]) => void,
    private readonly around: ReplayRoom,
  ) {}

  /** How many are parked and not on their way back. */
  async waiting(): Promise<bigint> {
    const { first, end } = await this.parked.range();
    const from = first > this.next ? first : this.next;
    return end > from ? end - from : 0n;
  }

  get isRunning(): boolean {
    return this.running !== undefined;
  }

  /** Begins with what is parked now, before position `stopAt`; nothing, while one is running. */
  async begin(stopAt: bigint | undefined): Promise<void> {
    if (this.running) return;
    const { end } = await this.parked.range();
    const stop = stopAt !== undefined && stopAt < end ? stopAt : end;
    this.running ??= this.run(stop)
      .catch((error: unknown) => logger.warn(`parked events cannot be replayed to the end: ${String(error)}`))
      .finally(() => (this.running = undefined));
  }

  done(position: bigint): void {
    this.open.delete(position);
    this.truncateIfDone();
  }

  private async run(stop: bigint): Promise<void> {
    while (this.next < stop && !this.around.stop.aborted) {
      const { seen } = this.around.room;
      if (!this.around.hasRoom()) {
        await this.around.room.wait(seen, FOR_EVER_MS);
        continue;
      }
      await this.deliverPage(stop);
    }
    this.truncateIfDone();
  }

  private async deliverPage(stop: bigint): Promise<void> {
    const links = await this.parked.page(this.next, PAGE);
    const messages = links.flatMap((entry) => this.messageOf(entry, stop) ?? []);
    const last = placeOf(links.at(-1));
    this.next = last === undefined || last >= stop ? stop : last + 1n;
    for (const { place } of messages) this.open.add(place);
    this.deliver(messages);
  }

  /** A link to an event that is gone has nothing to replay. */
  private messageOf(entry: Entry, stop: bigint): Message | undefined {
    const place = entry.link?.stream_position;
    if (place === undefined || place >= stop || !entry.event) return undefined;
    return messageOf(entry, { place, replayed: true, byCorrelation: this.around.byCorrelation });
  }

  private truncateIfDone(): void {
    if (this.open.size > 0 || this.next === 0n) return;
    const before = this.next;
    this.truncating = this.truncating
      .then(() => (this.truncated < before ? this.truncate(before) : undefined))
      .catch((error: unknown) => logger.warn(`replayed events stay parked for now: ${String(error)}`));
  }

  private async truncate(before: bigint): Promise<void> {
    await this.parked.truncate(before);
    this.truncated = before;
  }

  /** Resolves when nothing is being written any more. */
  async settle(): Promise<void> {
    await this.running;
    await this.truncating;
  }
}

function placeOf(entry: Entry | undefined): bigint | undefined {
  return (entry?.link ?? entry?.event)?.stream_position;
}
