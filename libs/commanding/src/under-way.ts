// The commands whose events are on their way to the store. One that comes again meanwhile would spoil the append that it
// travels in, for all: it waits for its twin instead, and looks what has become of it.
import type { AppendRequest } from '@concord/event-store';

export class UnderWay {
  /** By the id of the first event, which follows from the command's; they never reject. */
  private readonly appends = new Map<string, Promise<unknown>>();

  /** Resolves when the same command's append has come to its end, if one is under way. */
  twinOf({ events: [first] }: AppendRequest): Promise<unknown> | undefined {
    return first?.id === undefined ? undefined : this.appends.get(first.id);
  }

  /** `append`: never rejects. */
  add({ events: [first] }: AppendRequest, append: Promise<unknown>): void {
    const id = first?.id;
    if (id === undefined) return;
    this.appends.set(id, append);
    void append.then(() => this.appends.delete(id));
  }
}
