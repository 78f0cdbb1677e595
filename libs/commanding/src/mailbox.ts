// One stream's commands in this process, one at a time, with the state kept in memory between them. A command's events are
// sent on as soon as they are decided, and the next one decides on top of them before they are durable; whoever decided on
// something that then fails, fails with it and runs again. Between processes the expected version keeps watch.
import type { AggregateType, AnyAggregate } from '@concord/domain';
import type { AppendRequest, AppendResult, EventStore, LoadedStream, UnlockedCommands } from '@concord/event-store';
import { DatabaseUnavailable, TransientConflict } from '@concord/database';
import { ConcordError, NO_REVISION, type StreamName } from '@concord/kernel';
import { type Load, loadAggregate } from './hydrate.js';
import { type Kept, keptOf } from './kept.js';
import { type KeptWithSnapshots, Snapshots } from './snapshots.js';

/** What this command was decided on has not come to be, or is not the latest; nothing of it was kept. */
export class DecidedOnStaleState extends ConcordError {
  readonly code = 'decided-on-stale-state';
}

/** Then it is passed by: half of what a command may take, so that it can still run under locks. */
const LONGEST_WAIT_MS = 5000;

/** The aggregate during one command's turn; it is this command's own. */
export interface Turn {
  readonly aggregate: AnyAggregate;
  readonly epoch: number;
  /** The stream has metadata or was deleted: what it shows may change unnoticed, so nothing is decided on it here. */
  readonly isShortened: boolean;
  /** It was read by this very command, and need not be looked at again. */
  readonly isFresh: boolean;
}

interface Decided {
  readonly request: AppendRequest;
  /** What it was decided on. */
  readonly revision: bigint;
  readonly resolve: (result: AppendResult) => void;
  readonly reject: (error: unknown) => void;
}

export class Mailbox {
  private kept: Kept | undefined;
  /** When personal fields went into what is kept; see EventStore.personalEpoch. */
  private personalEpoch: number | undefined;
  /** Grows whenever what is kept has turned out to be wrong. */
  private epoch = 0;
  private decided: Decided[] = [];
  private sending: Promise<void> | undefined;
  /** How many appends were added. */
  private added = 0;
  /** The last append that was sent on; never rejects. */
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
   * Waits for its turn, first come first served, and loads the aggregate if need be. leave() must follow. Errors:
   * TransientConflict when it waited too long or somebody before it has, and what the load throws.
   */
  async enter<A extends AnyAggregate>(type: AggregateType<A>): Promise<Turn> {
    if (this.occupied) await this.turn();
    this.occupied = true;
    try {
      const turn =
        this.kept?.type === type && !this.mayHoldForgotten ? this.recalled(type, this.kept) : await this.loaded(type);
      this.inside = turn.aggregate;
      return turn;
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

  /** Within the turn. Resolves when the events are durable. Errors: those of EventStore.append, DecidedOnStaleState. */
  append(turn: Turn, request: AppendRequest): Promise<AppendResult> {
    if (turn.epoch !== this.epoch) return Promise.reject(stale());
    this.kept = keptOf(turn.aggregate);
    if (this.store.holdsPersonal(request.events)) this.personalEpoch ??= this.store.personalEpoch;
    this.snapshots.decided(this.stream, this.kept, request.events);
    const appended = new Promise<AppendResult>((resolve, reject) => {
      this.decided.push({ request, revision: turn.aggregate.revision, resolve, reject });
      this.sending ??= this.send();
    });
    this.latest = appended.catch(() => undefined);
    return appended;
  }

  /**
   * Within the turn, about it: whether what was seen is the latest, with everything before it durable. It is when it was
   * read just now, when the events it came from were appended just now, or when others were appended on top of it.
   */
  async isConfirmed(turn: Turn): Promise<boolean> {
    const { latest, added } = this;
    const { revision } = turn.aggregate;
    await latest;
    if (turn.epoch !== this.epoch) return false;
    if (turn.isFresh || latest) return true;
    const end = await this.unlocked.wholeEnd(this.stream);
    if (end === revision || (turn.epoch === this.epoch && this.added > added)) return true;
    this.forget();
    return false;
  }

  /** Goes on with what another command has left under locks, without personal fields, unless somebody is in it. */
  adopt({ snapshots, ...kept }: KeptWithSnapshots): void {
    this.forget();
    if (!this.isIdle) return;
    this.kept = kept;
    this.personalEpoch = undefined;
    this.snapshots = snapshots;
  }

  /** The stream is to be read again. */
  forget(): void {
    this.kept = undefined;
  }

  private get mayHoldForgotten(): boolean {
    return this.personalEpoch !== undefined && this.personalEpoch !== this.store.personalEpoch;
  }

  private recalled<A extends AnyAggregate>(type: AggregateType<A>, { state, revision }: Kept): Turn {
    const aggregate = new type(this.stream.slice(type.category.length + 1)).restore(state, revision);
    return { aggregate, epoch: this.epoch, isShortened: false, isFresh: false };
  }

  private async loaded<A extends AnyAggregate>(type: AggregateType<A>): Promise<Turn> {
    // What is under way is not to be read yet.
    await this.sending;
    let latest: LoadedStream | undefined;
    const epoch = this.store.personalEpoch;
    const load: Load = async (version) => (latest = await this.unlocked.load(this.stream, version));
    const aggregate = await loadAggregate(type, this.stream, { load, snapshots: this.snapshots });
    const isShortened = latest?.hasSettings ?? false;
    this.personalEpoch = latest?.holdsPersonal ? epoch : undefined;
    if (!isShortened) this.kept = keptOf(aggregate);
    return { aggregate, epoch: this.epoch, isShortened, isFresh: true };
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

  /** All that was decided meanwhile goes as one append: it holds as a whole, or not at all. Never rejects. */
  private async send(): Promise<void> {
    for (let batch = this.take(); batch.length > 0; batch = this.take()) {
      try {
        const appended = await this.appendTogether(batch);
        share(batch, appended);
        if (appended.events.length > 0) this.added += 1;
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
    // Each of a batch has to find out for itself, but where nobody knows.
    const own = batch.length === 1 || error instanceof DatabaseUnavailable ? error : stale(error);
    for (const { reject } of batch) reject(own);
    this.mistaken(error);
  }

  /** What is kept is not what is stored, and whatever was decided on it fails. */
  private mistaken(cause?: unknown): void {
    this.epoch += 1;
    this.forget();
    for (const { reject } of this.take()) reject(stale(cause));
  }

  private take(): Decided[] {
    const batch = this.decided;
    this.decided = [];
    return batch;
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

function stale(cause?: unknown): DecidedOnStaleState {
  return new DecidedOnStaleState('this was decided on a state that did not come to be', {}, { cause });
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
