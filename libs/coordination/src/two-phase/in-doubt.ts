// What an operator sees of transactions that have not come to their end, and can do about it, in a process that has their
// participants. From aside: transactions-desk.ts.
import type { Database } from '@concord/database';
import { InvalidArgument } from '@concord/kernel';
import type { ListedLock } from '@concord/locking';
import type { DecisionLog, LoggedTransaction } from './decision-log.js';
import { ResolutionRefused } from './errors.js';
import { reached } from './failpoints.js';
import { type Ended, type ForcedResolution, ForcedResolutions } from './forced-resolutions.js';
import type { Participant, ParticipantState, PreparedTransaction, TransactionOutcome } from './participant.js';
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

type Said = Omit<ResolveOptions, 'participant'>;

interface Parts {
  readonly database: Database;
  readonly log: DecisionLog;
  readonly participants: ReadonlyMap<string, Participant>;
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

  async resolve(id: string, { participant, ...said }: ResolveOptions): Promise<void> {
    assertSaid(said.by, said.reason);
    const [logged] = await this.parts.log.list(1, { coordinator: this.coordinator, id });
    if (participant === undefined) await decideByForce(this.parts.log, id, { ...said, decided: logged?.state });
    else await this.forceAt(participant, id, { ...said, logged });
    await this.forced.alarm();
  }

  /** Tells of what was forced from aside. */
  alarm(): Promise<void> {
    return this.forced.alarm();
  }

  /** What the participant itself says of it counts: unless it has answered, nothing is forced, and nothing is forgotten. */
  private async forceAt(
    name: string,
    id: string,
    { logged, outcome, ...said }: Said & { readonly logged: LoggedTransaction | undefined },
  ): Promise<void> {
    const participant = this.parts.participants.get(name);
    if (!participant) throw new InvalidArgument(`there is no participant "${name}" here`);
    refuseUnless(id, { participant: name, outcome, decided: logged?.state });
    const was = await participant.status(id);
    const known = logged ?? (await preparedAt(participant, id, was));
    if (!known) {
      throw new ResolutionRefused(`transaction ${id} is not prepared at "${name}": there is nothing to resolve`);
    }
    const noteDone = await this.record(participant, { id, participant: name, was, outcome, ...said });
    await reached('operator.recorded');
    if (was === 'prepared') await (outcome === 'committed' ? participant.commit(id) : participant.abort(known));
    // It knows; or it was put right by hand, and need not be told any more.
    if (logged) await this.parts.log.acknowledge(id, [name], 0, null);
    await noteDone();
  }

  /** Answers what notes that it is carried out, and tells of it. */
  private async record(participant: Participant, said: ForcedResolution): Promise<() => Promise<void>> {
    // Where there is nobody to carry it out later, its coordinator has decided the same, and goes on telling.
    const own = said.was === 'prepared' ? participant.forced : undefined;
    const forced = own ?? this.forced;
    const number = await forced.record(said, { isDone: !own });
    return async () => {
      await own?.carriedOut(number, null);
      await forced.alarm();
    };
  }
}

async function preparedAt(
  participant: Participant,
  id: string,
  state: ParticipantState,
): Promise<PreparedTransaction | undefined> {
  if (state !== 'prepared') return undefined;
  return (await participant.inDoubt?.(0))?.find((one) => one.id === id);
}

/** Errors: InvalidArgument. */
export function assertSaid(by: string, reason: string): void {
  if (by.trim() && reason.trim()) return;
  throw new InvalidArgument('say who resolves it and for what reason: both are kept');
}

/** The decision itself, on record: only its abort can be forced, and only over `preparing`. Errors: ResolutionRefused. */
export async function decideByForce(
  log: DecisionLog,
  id: string,
  { outcome, by, reason, decided }: Said & { readonly decided: TransactionOutcome | undefined },
): Promise<void> {
  if (decided !== undefined && decided !== 'preparing') throw alreadyDecided(id, decided);
  if (outcome === 'committed') {
    throw new ResolutionRefused(
      'not all have voted yes: only its abort can be forced. Name a participant to commit what is prepared there',
    );
  }
  if (decided !== 'preparing' || !(await log.forceAbort(id, { by, reason }))) {
    throw new ResolutionRefused(`transaction ${id} is ${decided ?? 'not in the log'}: there is nothing to abort`);
  }
  await reached('operator.decided');
}

/** Errors: ResolutionRefused, where the outcome is known to be another. */
export function refuseUnless(
  id: string,
  {
    participant,
    outcome,
    decided,
  }: { readonly participant: string; readonly outcome: Ended; readonly decided: TransactionOutcome | undefined },
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
