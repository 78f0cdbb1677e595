// The mailboxes of this process, one a stream and tenant, the least recently used forgotten first.
import type { EventStore, UnlockedCommands } from '@concord/event-store';
import type { StreamName } from '@concord/kernel';
import { currentTenant } from '@concord/tenancy';
import { Mailbox } from './mailbox.js';

export class Mailboxes {
  private readonly boxes = new Map<string, Mailbox>();

  constructor(
    private readonly store: EventStore,
    private readonly unlocked: UnlockedCommands,
    private readonly most: number,
  ) {}

  of(stream: StreamName): Mailbox {
    const key = `${currentTenant()}/${stream}`;
    const box = this.boxes.get(key) ?? new Mailbox(this.store, this.unlocked, stream);
    // Back in at the end: what stands first was not used for longest.
    this.boxes.delete(key);
    if (this.boxes.size >= this.most) this.forgetOne();
    this.boxes.set(key, box);
    return box;
  }

  /** Whether a command on this stream would find its aggregate in memory. */
  isWarm(stream: StreamName): boolean {
    return this.boxes.get(`${currentTenant()}/${stream}`)?.isWarm ?? false;
  }

  /** What is remembered of these streams is out of date. */
  forget(streams: readonly StreamName[]): void {
    for (const stream of streams) this.boxes.get(`${currentTenant()}/${stream}`)?.forget();
  }

  private forgetOne(): void {
    for (const [key, box] of this.boxes) {
      if (!box.isIdle) continue;
      this.boxes.delete(key);
      return;
    }
  }
}
