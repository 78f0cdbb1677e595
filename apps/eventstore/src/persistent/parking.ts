// Events on their way to where parked events are: in the order in which they were parked, many at a time.
import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { NewEvent } from '@concord/kernel';
import type { Message } from './message.js';
import type { ParkedEvents } from './parked.js';

export interface ParkingListener {
  /** It is parked, durably. */
  done(message: Message): void;
  /** It could not be: better delivered again than lost. */
  putBack(message: Message): void;
}

interface Parked {
  readonly message: Message;
  readonly link: NewEvent;
}

const BATCH = 100;
const ATTEMPTS = 5;
const RETRY_MS = 500;
const logger = new Logger('PersistentSubscription');

export class Parking {
  private readonly queue: Parked[] = [];
  private draining: Promise<void> | undefined;

  constructor(
    private readonly parked: ParkedEvents,
    private readonly listener: ParkingListener,
    private readonly stop: AbortSignal,
  ) {}

  add(message: Message, reason: string): void {
    this.queue.push({ message, link: this.parked.linkOf(message, reason) });
    this.draining ??= this.drain();
  }

  /** Resolves when nothing is being written any more. */
  async settle(): Promise<void> {
    await this.draining;
  }

  private async drain(): Promise<void> {
    while (this.queue.length > 0) {
      const batch = this.queue.splice(0, BATCH);
      const isKept = await this.keep(batch.map(({ link }) => link));
      for (const { message } of batch) {
        if (isKept) this.listener.done(message);
        else this.listener.putBack(message);
      }
    }
    this.draining = undefined;
  }

  /** After `stop` once more and not again: the checkpoint stays before what is not parked. */
  private async keep(links: readonly NewEvent[]): Promise<boolean> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      try {
        await this.parked.append(links);
        return true;
      } catch (error) {
        logger.warn(`${links.length} events cannot be parked: ${String(error)}`);
        if (this.stop.aborted) return false;
        await sleep(RETRY_MS * attempt, undefined, { signal: this.stop, ref: false }).catch(() => undefined);
      }
    }
    return false;
  }
}
