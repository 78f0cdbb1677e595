// One stream's commands in this process, one at a time, with the aggregate kept in memory between them. A command's events
// are sent on as soon as they are decided, and the next one decides on top of them before they are durable; whoever
// decided on something that then fails, fails with it and runs again under locks. Between processes the expected version
// keeps watch.
import type { AggregateType, AnyAggregate } from '@concord/domain';
import type { AppendRequest, AppendResult, EventStore, UnlockedCommands } from '@concord/event-store';
import { TransientConflict } from '@concord/database';
import { ConcordError, type StreamName } from '@concord/kernel';
import { type Load, loadAggregate } from './hydrate.js';
import { Snapshots } from './snapshots.js';

/** What this command was decided on has not come to be, or is not the latest; nothing of it was kept. */
export class DecidedOnStaleState extends ConcordError {
  readonly code = 'decided-on-stale-state';
}

const LONGEST_WAIT_MS = 10_000;

/** The aggregate during one command's turn. */
export interface Turn {
  readonly aggregate: AnyAggregate;
  readonly epoch: number;
  /** It was read by this very command, and need not be looked at again. */
  readonly isFresh: boolean;
}

interface Decided {
  readonly request: AppendRequest;
  readonly resolve: (result: AppendResult) => void;
  readonly reject: (error: unknown) => void;
}

export class Mailbox {
  private aggregate: AnyAggregate | undefined;
  /** When personal fields went into the aggregate in memory; see EventStore.personalEpoch. */
  private personalEpoch: number | undefined;
  /** Grows whenever the aggregate in memory has turned out to be wrong. */
  private epoch = 0;
  private decided: Decided[] = [];
  private sending: Promise<void> | undefined;
  /** How many appends were added. */
  private added = 0;
  /** The last append that was sent on; never rejects. */
  private latest: Promise<unknown> | undefined;
  private occupied = false;
  private readonly waiting: (() => void)[] = [];
  private readonly snapshots: Snapshots;

  constructor(
    private readonly store: EventStore,
    private readonly unlocked: UnlockedCommands,
    private readonly stream: StreamName,
  ) {
    this.snapshots = new Snapshots(store);
  }

  /** Whether nobody is in it and nothing is under way: it may be forgotten. */
  get isIdle(): boolean {
    return !this.occupied && !this.sending;
  }

  /**
   * Waits for its turn, first come first served, and loads the aggregate if need be. leave() must follow. Errors:
   * TransientConflict when it waited too long, and what the load throws.
   */
  async enter<A extends AnyAggregate>(type: AggregateType<A>): Promise<Turn> {
    if (this.occupied) await this.turn();
    this.occupied = true;
    try {
      const isFresh = !(this.aggregate instanceof type) || this.mayHoldForgotten;
      // What is under way is not to be read yet.
      if (isFresh) await this.sending;
      const aggregate = isFresh ? await this.load(type) : this.aggregate;
      this.aggregate = aggregate;
      return { aggregate: aggregate as A, epoch: this.epoch, isFresh };
    } catch (error) {
      this.leave();
      throw error;
    }
  }

  /** Lets the next one in. What was decided and not sent on is not the aggregate's state. */
  leave(): void {
    if (this.aggregate && this.aggregate.decidedEvents.length > 0) this.forget();
    const next = this.waiting.shift();
    if (next) next();
    else this.occupied = false;
  }

  /** Within the turn. Resolves when the events are durable. Errors: those of EventStore.append, DecidedOnStaleState. */
  append(turn: Turn, request: AppendRequest): Promise<AppendResult> {
    const appended = new Promise<AppendResult>((resolve, reject) => {
      if (turn.epoch !== this.epoch) return reject(stale());
      if (this.store.holdsPersonal(request.events)) this.personalEpoch ??= this.store.personalEpoch;
      this.decided.push({ request, resolve, reject });
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
    const stored = await this.unlocked.load(this.stream);
    if (stored.revision === revision || (turn.epoch === this.epoch && this.added > added)) return true;
    this.forget();
    return false;
  }

  /** The aggregate is to be read again. */
  forget(): void {
    this.aggregate = undefined;
  }

  private get mayHoldForgotten(): boolean {
    return this.personalEpoch !== undefined && this.personalEpoch !== this.store.personalEpoch;
  }

  private load<A extends AnyAggregate>(type: AggregateType<A>): Promise<A> {
    const load: Load = async (version) => {
      const epoch = this.store.personalEpoch;
      const loaded = await this.unlocked.load(this.stream, version);
      this.personalEpoch = loaded.holdsPersonal ? epoch : undefined;
      return loaded;
    };
    return loadAggregate(type, this.stream, { load, snapshots: this.snapshots });
  }

  private turn(): Promise<void> {
    return new Promise((resolve, reject) => {
      const enter = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.waiting.splice(this.waiting.indexOf(enter), 1);
        reject(new TransientConflict(`"${this.stream}" was busy for ${LONGEST_WAIT_MS} ms: try again`));
      }, LONGEST_WAIT_MS);
      this.waiting.push(enter);
    });
  }

  /** All that was decided meanwhile goes as one append: it holds as a whole, or not at all. Never rejects. */
  private async send(): Promise<void> {
    for (let batch = this.take(); batch.length > 0; batch = this.take()) {
      try {
        share(batch, await this.appendTogether(batch));
        this.added += 1;
      } catch (error) {
        this.failed(batch, error);
      }
    }
    this.sending = undefined;
    this.latest = undefined;
  }

  /** With it fails whatever was decided on top of it. */
  private failed(batch: readonly Decided[], error: unknown): void {
    this.epoch += 1;
    this.forget();
    for (const { reject } of batch) reject(batch.length === 1 ? error : stale(error));
    for (const { reject } of this.take()) reject(stale(error));
  }

  private take(): Decided[] {
    const batch = this.decided;
    this.decided = [];
    return batch;
  }

  private async appendTogether([first, ...others]: readonly Decided[]): Promise<AppendResult> {
    if (!first) throw new Error('unreachable: a batch has a first one');
    const events = [first, ...others].flatMap(({ request }) => request.events);
    const [result] = await this.store.append({ ...first.request, events });
    if (!result) throw new Error('unreachable: the store answers every request');
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
