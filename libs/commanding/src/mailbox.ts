// One stream's commands in this process, one at a time, with the state kept in memory between them. A command's events are
// sent on as soon as they are decided, and the next one decides on top of them before they are durable; whoever decided on
// something that then fails, fails with it and runs again. Between processes the expected version keeps watch.
import type { AggregateType, AnyAggregate } from '@concord/domain';
import {
  type AppendRequest,
  type AppendResult,
  type EventStore,
  type LoadedStream,
  StoreUnavailable,
  type UnlockedCommands,
} from '@concord/event-store';
import { DatabaseUnavailable, TransientConflict } from '@concord/database';
import { NO_REVISION, type StreamName, type StreamPosition } from '@concord/kernel';
import { DecidedOnStaleState } from './decided-on-stale-state.js';
import { type Load, loadAggregate } from './hydrate.js';
import { type Kept, keptOf } from './kept.js';
import { type KeptWithSnapshots, Snapshots } from './snapshots.js';
import { UnderWay } from './under-way.js';
import { type Decided, Unsent } from './unsent.js';

/** Then it is passed by: half of what a command may take, so that it can still run under locks. */
const LONGEST_WAIT_MS = 5000;

/** What was decided one on top of the other, from a state that was read: it holds together, and fails together. */
interface Line {
  /** The number of its last append that is stored. */
  stored: number;
  /** Something in it has not come to be, and with it whatever was decided on top. */
  hasFailed: boolean;
}

interface Seen {
  readonly aggregate: AnyAggregate;
  /** The stream has metadata or was deleted: what it shows may change unnoticed, so nothing is decided on it here. */
  readonly isShortened: boolean;
  /** It was read by this very command, and need not be looked at again. */
  readonly isFresh: boolean;
}

/** The aggregate during one command's turn; it is this command's own. */
export interface Turn extends Seen {
  /** Where it stood when the turn began. */
  readonly revision: StreamPosition;
  readonly line: Line;
  /** The number of the last append that was sent before the command asked for its turn. */
  readonly sentBefore: number;
}

export class Mailbox {
  private kept: Kept | undefined;
  /** When personal fields went into what is kept; see EventStore.personalEpoch. */
  private personalEpoch: number | undefined;
  /** That of what is kept. */
  private line = newLine();
  private readonly unsent = new Unsent();
  private readonly underWay = new UnderWay();
  private sending: Promise<void> | undefined;
  /** How many appends were sent. */
  private sent = 0;
  /** Of what was decided last, as long as that is under way; never rejects. */
  private latest: Promise<unknown> | undefined;
  private occupied = false;
  private inside: AnyAggregate | undefined;
  /** Somebody has waited for as long as one may, and whoever is in it is in it still. */
  private isStuck = false;
  private readonly waiting: (() => void)[] = [];
  private snapshots: Snapshots;

  constructor(
    private readonly store: EventStore,
    private readonly unlocked: UnlockedCommands,
    private readonly stream: StreamName,
  ) {
    this.snapshots = new Snapshots(store);
  }

  /** Whether a command would find the state in memory. */
  get isWarm(): boolean {
    return this.kept !== undefined;
  }

  /** Whether nobody is in it and nothing is under way: it may be forgotten. */
  get isIdle(): boolean {
    return !this.occupied && !this.sending;
  }

  /**
   * Waits for its turn, first come first served, and loads the aggregate if need be. append() or leave() must follow.
   * Errors: TransientConflict when it waited too long or somebody before it has, StoreUnavailable when too many wait, and
   * what the load throws.
   */
  async enter<A extends AnyAggregate>(type: AggregateType<A>): Promise<Turn> {
    this.unsent.assertRoom(this.waiting.length);
    const { sent: sentBefore } = this;
    if (this.occupied) await this.turn();
    this.occupied = true;
    try {
      const seen =
        this.kept?.type === type && !this.mayHoldForgotten ? this.recalled(type, this.kept) : await this.loaded(type);
      this.inside = seen.aggregate;
      return { ...seen, revision: seen.aggregate.revision, line: this.line, sentBefore };
    } catch (error) {
      this.leave();
      throw error;
    }
  }

  /** Lets the next one in. */
  leave(): void {
    // Were evolve not pure, it would have changed what is kept.
    if (this.inside && this.inside.decidedEvents.length > 0) this.forget();
    this.inside = undefined;
    this.isStuck = false;
    const next = this.waiting.shift();
    if (next) next();
    else this.occupied = false;
  }

  /** Runs `append` as the caller's own in telemetry, whoever else's events travel with it. */
  traced(request: AppendRequest, append: (traced: AppendRequest) => Promise<AppendResult>): Promise<AppendResult> {
    return this.store.asAppend([request], ([traced = request]) => append(traced));
  }

  /**
   * Within the turn, and ends it. Resolves when the events are durable. Errors: those of EventStore.append,
   * DecidedOnStaleState.
   */
  append(turn: Turn, request: AppendRequest): Promise<AppendResult> {
    // Now: a handler may go on with its aggregate.
    const kept = keptOf(turn.aggregate);
    try {
      // Before it is with others: what cannot be stored is to fail nobody else.
      const size = this.unlocked.check(request);
      // Nothing is awaited where nothing need be: that would show in the rate of a hot stream.
      if (typeof size === 'number') return this.add(turn, kept, { request, size });
      return this.addWhenChecked(turn, kept, { request, size });
    } catch (error) {
      return this.refuse(turn, error);
    }
  }

  /**
   * Within the turn, about it: whether what was seen is the latest, with everything before it durable. It is when it was
   * read just now; and when an append that was sent since the command came has stored it, or was stored on top of it.
   */
  async isConfirmed({ line, revision, sentBefore, isFresh }: Turn): Promise<boolean> {
    const isSurpassed = (): boolean => !line.hasFailed && line.stored > sentBefore;
    await this.latest;
    if (line.hasFailed) return false;
    if (isFresh || isSurpassed()) return true;
    if ((await this.unlocked.wholeEnd(this.stream)) === revision) return true;
    // By others who decided on top of it, perhaps, and have no answer yet.
    await this.latest;
    if (isSurpassed()) return true;
    if (line === this.line) this.forget();
    return false;
  }

  /** Goes on with what another command has left under locks, without personal fields, unless somebody is in it. */
  adopt({ snapshots, ...kept }: KeptWithSnapshots): void {
    this.forget();
    if (!this.isIdle) return;
    this.kept = kept;
    this.line = newLine();
    this.personalEpoch = undefined;
    this.snapshots = snapshots;
  }

  /** The stream is to be read again. */
  forget(): void {
    this.kept = undefined;
  }

  /** What is refused at its turn's end is an answer without events, like any other. */
  private async refuse(turn: Turn, reason: unknown): Promise<never> {
    this.forget();
    const confirmed = this.isConfirmed(turn);
    this.leave();
    throw (await confirmed) ? reason : stale(reason);
  }

  private async addWhenChecked(
    turn: Turn,
    kept: Kept,
    { request, size }: { readonly request: AppendRequest; readonly size: Promise<number> },
  ): Promise<AppendResult> {
    let appended: Promise<AppendResult>;
    try {
      appended = this.add(turn, kept, { request, size: await size });
    } catch (error) {
      return this.refuse(turn, error);
    }
    return appended;
  }

  private add(turn: Turn, kept: Kept, { request, size }: Pick<Decided, 'request' | 'size'>): Promise<AppendResult> {
    if (turn.line.hasFailed) throw stale();
    const twin = this.underWay.twinOf(request);
    if (twin) return this.follow(twin);
    this.kept = kept;
    this.inside = undefined;
    if (this.store.holdsPersonal(request.events)) this.personalEpoch ??= this.store.personalEpoch;
    this.snapshots.decided(this.stream, kept, request.events);
    const appended = new Promise<AppendResult>((resolve, reject) => {
      this.unsent.add({ request, size, revision: turn.revision, resolve, reject });
      this.sending ??= this.send();
    });
    this.latest = appended.catch(() => undefined);
    this.underWay.add(request, this.latest);
    this.leave();
    return appended;
  }

  /** Ends the turn of a command that is under way already: whether that was applied, it has to look for itself. */
  private async follow(twin: Promise<unknown>): Promise<never> {
    this.leave();
    await twin;
    throw stale();
  }

  private get mayHoldForgotten(): boolean {
    return this.personalEpoch !== undefined && this.personalEpoch !== this.store.personalEpoch;
  }

  private recalled<A extends AnyAggregate>(type: AggregateType<A>, { state, revision }: Kept): Seen {
    const aggregate = new type(this.stream.slice(type.category.length + 1)).restore(state, revision);
    return { aggregate, isShortened: false, isFresh: false };
  }

  private async loaded<A extends AnyAggregate>(type: AggregateType<A>): Promise<Seen> {
    // What is under way is not to be read yet.
    await this.sending;
    let latest: LoadedStream | undefined;
    const epoch = this.store.personalEpoch;
    const load: Load = async (version) => (latest = await this.unlocked.load(this.stream, version));
    const aggregate = await loadAggregate(type, this.stream, { load, snapshots: this.snapshots });
    const isShortened = latest?.hasSettings ?? false;
    this.personalEpoch = latest?.holdsPersonal ? epoch : undefined;
    if (!isShortened) this.kept = keptOf(aggregate);
    this.line = newLine();
    return { aggregate, isShortened, isFresh: true };
  }

  private async turn(): Promise<void> {
    const busy = (): Error => new TransientConflict(`"${this.stream}" was busy for ${LONGEST_WAIT_MS} ms: try again`);
    if (this.isStuck) throw busy();
    await new Promise<void>((resolve, reject) => {
      const enter = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.waiting.splice(this.waiting.indexOf(enter), 1);
        this.isStuck = true;
        reject(busy());
      }, LONGEST_WAIT_MS);
      this.waiting.push(enter);
    });
  }

  /** What was decided meanwhile goes as one append: it holds as a whole, or not at all. Never rejects. */
  private async send(): Promise<void> {
    for (let batch = this.unsent.take(); batch.length > 0; batch = this.unsent.take()) {
      const { line } = this;
      const number = (this.sent += 1);
      try {
        const appended = await this.appendTogether(batch);
        share(batch, appended);
        if (appended.events.length > 0) line.stored = number;
        // A repeat: what was recorded long ago has been applied once more.
        else this.mistaken();
      } catch (error) {
        this.failed(batch, error);
      }
    }
    this.sending = undefined;
    this.latest = undefined;
  }

  private failed(batch: readonly Decided[], error: unknown): void {
    // Each of a batch has to find out for itself, but where nobody knows, or nobody is let in.
    const isForAll = error instanceof DatabaseUnavailable || error instanceof StoreUnavailable;
    const own = batch.length === 1 || isForAll ? error : stale(error);
    for (const { reject } of batch) reject(own);
    this.mistaken(error);
  }

  /** What is kept is not what is stored, and whatever was decided on it fails. */
  private mistaken(cause?: unknown): void {
    this.line.hasFailed = true;
    this.forget();
    for (const { reject } of this.unsent.takeAll()) reject(stale(cause));
  }

  private async appendTogether([first, ...others]: readonly Decided[]): Promise<AppendResult> {
    if (!first) throw new Error('unreachable: a batch has a first one');
    const events = [first, ...others].flatMap(({ request }) => request.events);
    const expected = first.revision === NO_REVISION ? 'no-stream' : first.revision;
    const result = await this.unlocked.append({ stream: this.stream, expected, events });
    this.snapshots.take([result]);
    // They were there already: not in these words, or not all as new. Each has to look for itself.
    if (others.length > 0 && result.events.length === 0) throw stale();
    return result;
  }
}

function newLine(): Line {
  return { stored: 0, hasFailed: false };
}

function stale(cause?: unknown): DecidedOnStaleState {
  return new DecidedOnStaleState({ cause });
}

function share(batch: readonly Decided[], whole: AppendResult): void {
  let from = 0;
  for (const { request, resolve } of batch) {
    const to = from + request.events.length;
    const events = whole.events.slice(from, to);
    const last = events.at(-1);
    resolve(last ? { ...whole, revision: last.streamPosition, globalPosition: last.globalPosition, events } : whole);
    from = to;
  }
}
