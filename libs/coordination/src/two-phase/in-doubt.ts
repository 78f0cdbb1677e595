// What an operator sees of transactions that have not come to their end, and can do about it.
import { Logger } from '@nestjs/common';
import type { Database } from '@concord/database';
import { InvalidArgument } from '@concord/kernel';
import type { ListedLock } from '@concord/locking';
import type { TenantId } from '@concord/tenancy';
import type { DecisionLog, LoggedTransaction } from './decision-log.js';
import { ResolutionRefused } from './errors.js';
import type { Participant, PreparedTransaction, TransactionOutcome } from './participant.js';
import { StoreParticipant } from './store-participant.js';
import { told } from './telemetry.js';

/** A transaction that has not come to its end. */
export interface UnsettledTransaction {
  readonly id: string;
  readonly tenant: TenantId;
  /** `unknown`: its coordinator's log is not this one. */
  readonly state: TransactionOutcome | 'unknown';
  readonly coordinator: string;
  readonly since: Date;
  readonly ageMs: number;
  /** All that the log knows of, and those that are prepared. */
  readonly participants: readonly { readonly name: string; readonly state: 'prepared' | 'waiting' | 'acknowledged' }[];
  readonly locks: readonly ListedLock[];
  readonly attempts: number;
  readonly lastError: string | null;
}

/** An operator's word. */
export interface ResolveOptions {
  readonly outcome: 'committed' | 'aborted';
  /** Who says so. */
  readonly by: string;
  readonly reason: string;
  /** Only there, where it is prepared; without, the decision itself. */
  readonly participant?: string;
}

interface Parts {
  readonly database: Database;
  readonly log: DecisionLog;
  readonly participants: ReadonlyMap<string, Participant>;
}

interface Forced extends Pick<ResolveOptions, 'outcome' | 'reason'> {
  readonly participant: string | undefined;
  readonly decided: TransactionOutcome | undefined;
}

const MOST_LISTED = 1000;

export class InDoubt {
  private readonly logger = new Logger('Transactions');

  constructor(
    private readonly coordinator: string,
    private readonly parts: Parts,
  ) {}

  /** The oldest first. Errors: those of the databases. */
  async list({ olderThanMs = 0 }: { readonly olderThanMs?: number } = {}): Promise<UnsettledTransaction[]> {
    const { log, participants } = this.parts;
    const logged = await log.list(this.coordinator, MOST_LISTED);
    const prepared: PreparedTransaction[] = [];
    for (const participant of participants.values()) prepared.push(...((await participant.inDoubt?.(0)) ?? []));
    const ids = new Set([...logged.map(({ id }) => id), ...prepared.map(({ id }) => id)]);
    const unsettled = [...ids]
      .flatMap((id) =>
        shown(this.coordinator, {
          logged: logged.find((one) => one.id === id),
          prepared: prepared.filter((one) => one.id === id),
        }),
      )
      .filter(({ ageMs }) => ageMs >= olderThanMs)
      .toSorted((a, b) => a.since.getTime() - b.since.getTime());
    return unsettled.length === 0 ? [] : this.withLocks(unsettled, prepared);
  }

  async resolve(id: string, { outcome, by, reason, participant }: ResolveOptions): Promise<void> {
    if (!by.trim() || !reason.trim())
      throw new InvalidArgument('say who resolves it and for what reason: both are kept');
    const decided = await this.decided(id);
    const was = await this.force(id, { outcome, reason, participant, decided });
    await this.parts.log.recordForced({ id, participant: participant ?? null, was, outcome, by, reason });
    told.forced(outcome);
    const where = participant === undefined ? '' : ` at "${participant}"`;
    this.logger.error(`transaction ${id} was forced to be ${outcome}${where} by ${by}: ${reason}`);
  }

  /** Undefined: it is not in this log, where it would be aborted, unless it is another coordinator's. */
  private async decided(id: string): Promise<TransactionOutcome | undefined> {
    const logged = await this.parts.log.list(this.coordinator, MOST_LISTED);
    return logged.find((one) => one.id === id)?.state;
  }

  /** Answers what it was before. */
  private async force(id: string, { outcome, reason, participant: name, decided }: Forced): Promise<string> {
    if (name === undefined) return this.decide(id, outcome, reason, decided);
    const participant = this.parts.participants.get(name);
    if (!participant) throw new InvalidArgument(`there is no participant "${name}" here`);
    refuseUnless(id, { participant: name, outcome, decided });
    const found = await participant.inDoubt?.(0);
    const prepared = found?.find((one) => one.id === id);
    if (prepared) {
      await (outcome === 'committed' ? participant.commit(id) : participant.abort(prepared));
      return 'prepared';
    }
    if (decided === undefined) {
      throw new ResolutionRefused(`transaction ${id} is not prepared at "${name}": there is nothing to resolve`);
    }
    // Put right by hand: nobody needs to be told any more.
    await this.parts.log.acknowledge(id, [name], 0, null);
    return await participant.status(id);
  }

  private async decide(id: string, outcome: string, reason: string, decided?: TransactionOutcome): Promise<string> {
    if (outcome === 'committed') {
      throw new ResolutionRefused(
        'not all have voted yes: only its abort can be forced. Name a participant to commit what is prepared there',
      );
    }
    if (decided === 'preparing' && (await this.parts.log.abort(id, 'operator', reason))) return decided;
    throw new ResolutionRefused(`transaction ${id} is ${decided ?? 'not in the log'}: there is nothing to abort`);
  }

  private async withLocks(
    unsettled: UnsettledTransaction[],
    prepared: readonly PreparedTransaction[],
  ): Promise<UnsettledTransaction[]> {
    const locks: ListedLock[] = [];
    for (const participant of this.parts.participants.values()) {
      if (participant instanceof StoreParticipant) locks.push(...(await participant.preparedLocks()));
    }
    return unsettled.map((one) => {
      const owners = prepared.filter(({ id }) => id === one.id).map(({ lockOwner }) => lockOwner);
      return { ...one, locks: locks.filter(({ owner }) => owners.includes(owner)) };
    });
  }
}

/** Errors: ResolutionRefused, where the outcome is known to be another. */
function refuseUnless(id: string, { participant, outcome, decided }: Omit<Forced, 'reason'>): void {
  if (decided === undefined || decided === outcome) return;
  const next = decided === 'preparing' ? 'abort it there first' : `"${participant}" is told so, again and again`;
  throw new ResolutionRefused(`transaction ${id} is ${decided} in the log: ${next}`);
}

function shown(
  coordinator: string,
  {
    logged,
    prepared,
  }: { readonly logged: LoggedTransaction | undefined; readonly prepared: readonly PreparedTransaction[] },
): UnsettledTransaction[] {
  return logged ? [ofLog(coordinator, logged, prepared)] : ofParticipants(coordinator, prepared);
}

function ofLog(
  coordinator: string,
  logged: LoggedTransaction,
  prepared: readonly PreparedTransaction[],
): UnsettledTransaction {
  const { id, tenant, state, beganAt, participants, unacknowledged, attempts, lastError } = logged;
  const stateOf = (name: string): 'prepared' | 'waiting' | 'acknowledged' => {
    if (prepared.some(({ participant }) => participant === name)) return 'prepared';
    return unacknowledged.includes(name) ? 'waiting' : 'acknowledged';
  };
  const states = participants.map((name) => ({ name, state: stateOf(name) }));
  return {
    id,
    tenant,
    coordinator,
    state,
    ...agedSince(beganAt),
    participants: states,
    locks: [],
    attempts,
    lastError,
  };
}

/** What the log does not know: of this coordinator it was aborted, or is over. */
function ofParticipants(coordinator: string, prepared: readonly PreparedTransaction[]): UnsettledTransaction[] {
  const [first] = prepared;
  if (!first) return [];
  const participants = prepared.map(({ participant: name }) => ({ name, state: 'prepared' as const }));
  const state = first.coordinator === coordinator ? 'aborted' : 'unknown';
  const { id, tenant, preparedAt } = first;
  const untold = { locks: [], attempts: 0, lastError: null };
  return [{ id, tenant, coordinator: first.coordinator, state, ...agedSince(preparedAt), participants, ...untold }];
}

function agedSince(since: Date): { since: Date; ageMs: number } {
  return { since, ageMs: Math.max(Date.now() - since.getTime(), 0) };
}
