// The locks of one command, over all of its attempts: each is as old as the first, and what an attempt asked for one by one
// the next one asks for at once, before it runs.
import { type LockMode, type LockOwner, type LockService } from '@concord/locking';
import { ConcordError, type StreamName } from '@concord/kernel';

/** Somebody has the lock, and a transaction is open: it is to be waited for without one. */
export class WaitsOutside extends ConcordError {
  readonly code = 'waits-outside';
}

const STRENGTH = 'SUX';
export const covers = (held: LockMode | undefined, wanted: LockMode): boolean =>
  held !== undefined && STRENGTH.indexOf(held) >= STRENGTH.indexOf(wanted);

// Longer than a lock takes that is free, and no time to keep a connection from others for.
const WAIT_INSIDE_MS = 100;

export class CommandLocks {
  /** All that any attempt has asked for. */
  private readonly wanted = new Map<StreamName, LockMode>();
  private owner: LockOwner | undefined;
  private current: LockOwner | undefined;

  constructor(
    private readonly service: LockService,
    private readonly waitMs: number,
  ) {}

  /** Begins an attempt, with all locks that the ones before wanted. Errors: LockRefusal, DatabaseUnavailable. */
  async begin(): Promise<void> {
    this.release();
    this.current = this.owner = this.owner ? this.service.again(this.owner) : this.service.begin();
    if (this.wanted.size > 0)
      await this.ask(
        [...this.wanted].map(([stream, mode]) => ({ stream, mode })),
        this.waitMs,
      );
  }

  /** Errors: LockRefusal, DatabaseUnavailable. */
  async acquire(streams: readonly StreamName[], mode: LockMode): Promise<void> {
    await this.ask(this.want(streams, mode), this.waitMs);
  }

  /** Within a transaction. Errors: WaitsOutside, when they are not free; then the next attempt begins with them. */
  async acquireInTransaction(streams: readonly StreamName[], mode: LockMode): Promise<void> {
    const requests = this.want(streams, mode);
    const acquired = await this.service.acquire(this.running, requests, { waitMs: WAIT_INSIDE_MS });
    if (acquired.outcome === 'granted') return;
    const { error } = acquired;
    throw error.code === 'lock-wait-timeout' ? new WaitsOutside(error.message, error.details, { cause: error }) : error;
  }

  /**
   * In the transaction that commits: it is refused unless all that was acquired is held still. Need not be awaited. Errors:
   * OwnerWounded, LeaseLost, OwnershipLost.
   */
  fence(): Promise<void> {
    this.running.signal.throwIfAborted();
    return this.service.fence(this.running);
  }

  /** What is held, if the store can check it as it appends. Errors: OwnerWounded, LeaseLost. */
  get held(): ReadonlyMap<StreamName, { readonly owner: string; readonly fencingToken: bigint }> | undefined {
    const { id: owner, signal } = this.running;
    signal.throwIfAborted();
    const held = this.service.held?.(this.running);
    return held && new Map(held.map(({ stream, fencingToken }) => [stream, { owner, fencingToken }]));
  }

  /** After the commit, or instead of one. Nobody waits for it. */
  release(): void {
    if (this.current) void this.service.release(this.current);
    this.current = undefined;
  }

  private want(streams: readonly StreamName[], mode: LockMode): { stream: StreamName; mode: LockMode }[] {
    for (const stream of streams) if (!covers(this.wanted.get(stream), mode)) this.wanted.set(stream, mode);
    return streams.map((stream) => ({ stream, mode }));
  }

  private async ask(requests: readonly { stream: StreamName; mode: LockMode }[], waitMs: number): Promise<void> {
    const acquired = await this.service.acquire(this.running, requests, { waitMs });
    if (acquired.outcome === 'refused') throw acquired.error;
  }

  private get running(): LockOwner {
    if (!this.current) throw new Error('the command has ended: its handler has to await every load');
    return this.current;
  }
}
