// What an operator sees of transactions that have not come to their end, and can do about it, in a process that has their
// participants. From aside: transactions-desk.ts.
import type { Database } from '@concord/database';
import { InvalidArgument } from '@concord/kernel';
import type { ListedLock } from '@concord/locking';
import type { DecisionLog } from './decision-log.js';
import { ResolutionRefused } from './errors.js';
import { type Ended, ForcedResolutions } from './forced-resolutions.js';
import type { Participant, PreparedTransaction, TransactionOutcome } from './participant.js';
import { StoreParticipant } from './store-participant.js';
import { type UnsettledTransaction, unsettledIn, withLocks } from './unsettled.js';

/** An operator's word. */
export interface ResolveOptions {
  readonly outcome: Ended;
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

export const MOST_LISTED = 1000;

export class InDoubt {
  private readonly forced: ForcedResolutions;

  constructor(
    private readonly coordinator: string,
    private readonly parts: Parts,
  ) {
    this.forced = new ForcedResolutions(parts.database);
  }

  /** The oldest first. Errors: those of the databases. */
  async list({ olderThanMs = 0 }: { readonly olderThanMs?: number } = {}): Promise<UnsettledTransaction[]> {
    const { log, participants } = this.parts;
    const logged = await log.list(MOST_LISTED, { coordinator: this.coordinator });
    const prepared: PreparedTransaction[] = [];
    for (const participant of participants.values()) prepared.push(...((await participant.inDoubt?.(0)) ?? []));
    const isWhole = (coordinator: string): boolean => coordinator === this.coordinator;
    const unsettled = unsettledIn({ logged, prepared, isWhole }).filter(({ ageMs }) => ageMs >= olderThanMs);
    if (unsettled.length === 0) return [];
    const locks: ListedLock[] = [];
    for (const participant of participants.values()) {
      if (participant instanceof StoreParticipant) locks.push(...(await participant.preparedLocks()));
    }
    return withLocks(unsettled, prepared, locks);
  }

  async resolve(id: string, { outcome, by, reason, participant }: ResolveOptions): Promise<void> {
    assertSaid(by, reason);
    const [logged] = await this.parts.log.list(1, { coordinator: this.coordinator, id });
    const was = await this.force(id, { outcome, reason, participant, decided: logged?.state });
    const forced = { id, participant: participant ?? null, was, outcome, by, reason };
    await this.forced.record(forced, { isDone: true });
    this.forced.tell({ ...forced, overruled: null });
  }

  /** Tells of what was forced from aside. */
  alarm(): Promise<void> {
    return this.forced.alarm();
  }

  /** Answers what it was before. */
  private async force(id: string, { outcome, reason, participant: name, decided }: Forced): Promise<string> {
    if (name === undefined) return decideByForce(this.parts.log, id, { outcome, reason, decided });
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
}

/** Errors: InvalidArgument. */
export function assertSaid(by: string, reason: string): void {
  if (by.trim() && reason.trim()) return;
  throw new InvalidArgument('say who resolves it and for what reason: both are kept');
}

/** The decision itself: only its abort can be forced, and only over `preparing`. Errors: ResolutionRefused. */
export async function decideByForce(
  log: DecisionLog,
  id: string,
  { outcome, reason, decided }: Pick<Forced, 'outcome' | 'reason' | 'decided'>,
): Promise<string> {
  if (decided !== undefined && decided !== 'preparing') throw alreadyDecided(id, decided);
  if (outcome === 'committed') {
    throw new ResolutionRefused(
      'not all have voted yes: only its abort can be forced. Name a participant to commit what is prepared there',
    );
  }
  if (decided === 'preparing' && (await log.abort(id, 'operator', reason))) return decided;
  throw new ResolutionRefused(`transaction ${id} is ${decided ?? 'not in the log'}: there is nothing to abort`);
}

/** Errors: ResolutionRefused, where the outcome is known to be another. */
export function refuseUnless(
  id: string,
  { participant, outcome, decided }: Pick<Forced, 'outcome' | 'decided'> & { readonly participant: string },
): void {
  if (decided === undefined || decided === outcome) return;
  const next = decided === 'preparing' ? 'abort it there first' : `"${participant}" is told so, again and again`;
  throw new ResolutionRefused(`transaction ${id} is ${decided} in the log: ${next}`);
}

function alreadyDecided(id: string, decided: TransactionOutcome): ResolutionRefused {
  return new ResolutionRefused(
    `transaction ${id} is ${decided} in the log, and its participants are told so until each has acknowledged: there is nothing to resolve but at one of them, by its name`,
  );
}
