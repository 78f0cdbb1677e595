// One persistent subscription: reads ahead, hands out, and keeps what lasts: how far it has come, and what was parked. Every
// event is handed out at least once.
import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { DatabaseUnavailable, TransientConflict } from '@concord/database';
import type { StoredEvents } from '@concord/event-store';
import { type Checkpoints, Signal } from '@concord/subscriptions';
import { resolveLinks } from '../reading/links.js';
import { Pages } from '../reading/pages.js';
import type { Entry, Source } from '../reading/source.js';
import { sourceOf } from '../reading/source-of.js';
import type { Wake } from '../reading/wake.js';
import { type Definition, isOwnOfFeed, keyOf } from './definition.js';
import { Dispatcher } from './dispatcher.js';
import { dropped, full } from './failures.js';
import { type Message, messageOf } from './message.js';
import { type Fenced, ParkedEvents, type ParkedParts } from './parked.js';
import { Parking } from './parking.js';
import { Progress } from './progress.js';
import { Replay } from './replay.js';

export interface SubscriptionParts extends ParkedParts {
  readonly stored: StoredEvents;
  readonly wake: Wake;
  /** Whether a link to that stream shows its event: anybody can write a link. */
  readonly mayResolve: (stream: string) => Promise<boolean>;
  readonly checkpoints: Checkpoints;
  readonly fenced: Fenced;
  /** Whether this server may hand out events at this moment. */
  readonly isOwner: () => boolean;
}

const RETRY_MS = 500;
const FAULT_MS = 5000;
const FOR_EVER_MS = 2 ** 31 - 1;
const logger = new Logger('PersistentSubscription');

export class PersistentSubscription {
  readonly dispatcher: Dispatcher;
  readonly parked: ParkedEvents;
  readonly replay: Replay;
  /** Up to where a restart would go on; undefined before the first checkpoint. */
  checkpoint: bigint | undefined;
  isLive = false;
  /** Why it cannot read. */
  private fault: Error | undefined;
  private readonly ending = new AbortController();
  private readonly source: Source;
  private readonly room = new Signal();
  private readonly parking: Parking;
  private progressed: Progress;
  private running: Promise<void> = Promise.resolve();
  private saving: Promise<void> = Promise.resolve();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly parts: SubscriptionParts,
    readonly definition: Definition,
  ) {
    this.source = sourceOf(parts.stored, definition);
    this.progressed = new Progress(definition.startsAt - 1n);
    this.parked = new ParkedEvents(parts, definition);
    this.dispatcher = new Dispatcher(definition.settings, {
      mayHandOut: () => parts.isOwner() && !this.ending.signal.aborted,
      done: (message) => this.done(message),
      park: (message, reason) => this.parking.add(message, reason),
      room: () => this.room.raise(),
    });
    const put = {
      done: (message: Message): void => this.done(message),
      putBack: (message: Message): void => this.dispatcher.putBack(message),
    };
    this.parking = new Parking(this.parked, put, this.ending.signal);
    this.replay = new Replay(this.parked, (entries) => this.dispatcher.add(entries), {
      hasRoom: () => this.dispatcher.retrying < definition.settings.historyBufferSize && this.unused > 0,
      room: this.room,
      stop: this.ending.signal,
      byCorrelation: this.byCorrelation,
    });
  }

  get progress(): Progress {
    return this.progressed;
  }

  /** Begins at its checkpoint. Errors: those of the database. */
  async start(): Promise<void> {
    this.checkpoint = await this.parts.checkpoints.read(this.checkpointName);
    if (this.checkpoint !== undefined) this.progressed = new Progress(this.checkpoint);
    this.running = this.run();
  }

  /** Errors: SubscriptionFailure when it has as many consumers as it may have, or was stopped; why it cannot read. */
  assertRoom(): void {
    const { maxSubscriberCount } = this.definition.settings;
    if (this.ending.signal.aborted) throw dropped(this.definition, 'it has just changed');
    if (this.fault) throw this.fault;
    if (maxSubscriberCount > 0 && this.dispatcher.consumers.length >= maxSubscriberCount) throw full(this.definition);
  }

  /** The place of the last event that there is; of the feed, of the last that was looked at. -1: there is none. */
  async lastKnown(): Promise<bigint> {
    return this.source.sparse || this.definition.stream === undefined
      ? this.progress.lastKnown
      : (await this.source.end()) - 1n;
  }

  /** Consumers go, with this error; what is finished is kept, where this server is the owner still. */
  async stop(error: Error): Promise<void> {
    if (this.ending.signal.aborted) return;
    this.ending.abort();
    clearTimeout(this.timer);
    this.dispatcher.close(error);
    this.room.raise();
    await this.running;
    await this.parking.settle();
    await this.replay.settle();
    if (this.parts.isOwner()) this.save();
    await this.saving;
  }

  private get checkpointName(): string {
    return checkpointNameOf(this.definition);
  }

  private get byCorrelation(): boolean {
    return this.definition.settings.strategy === 'PinnedByCorrelation';
  }

  private async run(): Promise<void> {
    const { signal } = this.ending;
    while (!signal.aborted) {
      try {
        await this.readOn(signal);
      } catch (error) {
        logger.warn(`${keyOf(this.definition)} cannot read: ${String(error)}`);
        const passing = error instanceof DatabaseUnavailable || error instanceof TransientConflict;
        if (!passing) this.fail(error);
        await sleep(passing ? RETRY_MS : FAULT_MS, undefined, { signal, ref: false }).catch(() => undefined);
      }
    }
  }

  /** A database that is away for a while sends nobody away; a stream with a tombstone does, or events in an archive. */
  private fail(error: unknown): void {
    this.fault = error instanceof Error ? error : new Error(String(error));
    this.dispatcher.sendAway(this.fault);
  }

  private async readOn(stop: AbortSignal): Promise<void> {
    const { wake } = this.parts;
    const pages = new Pages(this.source, false);
    while (!stop.aborted) {
      const [{ seen }, { seen: roomSeen }] = [wake, this.room];
      const wanted = this.wanted;
      if (wanted <= 0) {
        await this.room.wait(roomSeen, FOR_EVER_MS);
        continue;
      }
      this.isLive = await this.readPage(pages, wanted);
      if (this.isLive) await wake.wait(seen, stop);
    }
  }

  /** A source that passes over events reads them in pages of its own, so the buffer may have one page too many. */
  private get wanted(): number {
    const { historyBufferSize, readBatchSize } = this.definition.settings;
    return Math.min(readBatchSize, historyBufferSize - this.dispatcher.waiting, this.unused);
  }

  /** How many more events may be in memory, those in the hands of consumers included: they may keep them as they like. */
  private get unused(): number {
    const { historyBufferSize, liveBufferSize } = this.definition.settings;
    const { waiting, retrying, outstanding } = this.dispatcher;
    return historyBufferSize + liveBufferSize - waiting - retrying - outstanding;
  }

  /** Answers whether it has come to the end. */
  private async readPage(pages: Pages, wanted: number): Promise<boolean> {
    const page = await pages.take(this.progress.lastKnown + 1n, wanted);
    this.fault = undefined;
    const shown = this.definition.settings.resolveLinks
      ? await resolveLinks(this.parts.stored, page.entries, this.parts.mayResolve)
      : page.entries.map(({ event, link }) => ({ event: link ?? event }));
    const messages = shown.flatMap((entry) => this.messageOf(entry) ?? []);
    const places = messages.map(({ place }) => place);
    // Not only up to what matched: what an index passed over (or a search without one) is not looked at again and again. The
    // end is that of the settled events, so nothing comes before it any more, and it lasts.
    const through = page.next - 1n;
    const unseen = Number(through - (page.through ?? this.progress.lastKnown));
    this.progress.read(places, page.lookedAt - places.length + unseen, through);
    this.dispatcher.add(messages);
    this.checkpointIfDue();
    return page.end;
  }

  private messageOf(entry: Entry): Message | undefined {
    const ofFeed = this.definition.stream === undefined;
    const shown = entry.link ?? entry.event;
    if (!shown || (ofFeed && isOwnOfFeed(shown.stream_name))) return undefined;
    const place = ofFeed ? shown.global_position : shown.stream_position;
    return messageOf(entry, { place, replayed: false, byCorrelation: this.byCorrelation });
  }

  private done(message: Message): void {
    if (message.replayed) this.replay.done(message.place);
    else this.progress.done(message.place);
    this.checkpointIfDue();
  }

  private checkpointIfDue(): void {
    const { checkpointAfter, maxCheckpointCount } = this.definition.settings;
    if (this.ending.signal.aborted) return;
    if (this.progress.since >= maxCheckpointCount) this.save();
    else if (checkpointAfter > 0 && this.progress.since > 0) {
      this.timer ??= setTimeout(() => this.saveAfterTime(), Math.min(checkpointAfter, FOR_EVER_MS)).unref();
    }
  }

  private saveAfterTime(): void {
    this.timer = undefined;
    if (this.progress.since >= this.definition.settings.minCheckpointCount) this.save();
  }

  /** One after the other; what fails is tried again with the next one. */
  private save(): void {
    const position = this.progress.reached;
    if (position <= (this.checkpoint ?? this.definition.startsAt - 1n)) return;
    this.progress.saved();
    this.saving = this.saving
      .then(() => this.write(position))
      .catch((error: unknown) => {
        logger.warn(`${keyOf(this.definition)} cannot keep its checkpoint: ${String(error)}`);
      });
  }

  private async write(position: bigint): Promise<void> {
    const { fenced, checkpoints } = this.parts;
    const name = this.checkpointName;
    await fenced(async () => {
      await checkpoints.hold(name, true, undefined, position);
      await checkpoints.save(name, position);
    });
    this.checkpoint = position;
  }
}

export function checkpointNameOf(definition: Definition): string {
  return `persistent-subscription:${keyOf(definition)}`;
}
