// Transactions as an operator's command sees them: in the databases that it is given, without an app, a store or a participant.
// What it forces at a participant is carried out by a process that has that participant.
import { type Database, loadSql } from '@concord/database';
import { InvalidArgument, isId } from '@concord/kernel';
import { PostgresLockService } from '@concord/locking';
import { setTimeout as sleep } from 'node:timers/promises';
import { DecisionLog, type LoggedTransaction } from './decision-log.js';
import { ResolutionRefused } from './errors.js';
import { reached } from './failpoints.js';
import { type Ended, ForcedResolutions } from './forced-resolutions.js';
import { assertSaid, decideByForce, MOST_LISTED, refuseUnless, type ResolveOptions } from './in-doubt.js';
import type { PreparedTransaction } from './participant.js';
import { type UnsettledTransaction, unsettledIn, withLocks } from './unsettled.js';

/** What has come of an operator's word. `recorded`: no process with that participant has carried it out yet. */
export interface Resolved {
  readonly participant: string | null;
  readonly outcome: 'carried-out' | 'recorded' | 'overruled';
}

interface Desk {
  readonly database: Database;
  readonly log: DecisionLog;
  readonly forced: ForcedResolutions;
}

interface Known {
  readonly at: Desk;
  readonly prepared: PreparedTransaction;
}

const prepared = loadSql(import.meta.url, 'sql/prepared-anywhere.sql');
const settled = loadSql(import.meta.url, 'sql/settled-state.sql');
const LOOK_AGAIN_MS = 100;

/** Unsettled transactions of some databases: of logs of decisions, and of participants whose locks are there. */
export class TransactionsDesk {
  private readonly desks: readonly Desk[];

  constructor(databases: readonly Database[]) {
    this.desks = databases.map((database) => ({
      database,
      log: new DecisionLog(database),
      forced: new ForcedResolutions(database),
    }));
  }

  /** The oldest first, with votes and locks as far as they are in these databases. Errors: DatabaseUnavailable. */
  async list(): Promise<UnsettledTransaction[]> {
    const logged = (await Promise.all(this.desks.map(({ log }) => log.list(MOST_LISTED)))).flat();
    const known = (await this.prepared(null)).map((one) => one.prepared);
    const locks = await Promise.all(
      this.desks.map(async ({ database }) =>
        (await new PostgresLockService(database).locks()).filter((one) => one.prepared),
      ),
    );
    return withLocks(unsettledIn({ logged, prepared: known, isWhole: () => false }), known, locks.flat());
  }

  /**
   * Forces an end, on record: aborts what is not decided yet; else, at one participant or at all that are prepared, what its
   * coordinator does not say. Waits so long for a process to carry it out. Errors: ResolutionRefused, where the outcome is
   * decided to be another or there is nothing to resolve; InvalidArgument.
   */
  async resolve(id: string, { waitMs, ...said }: ResolveOptions & { readonly waitMs: number }): Promise<Resolved[]> {
    if (!isId(id)) throw new InvalidArgument(`"${id}" is no id of a transaction: "concord transactions" lists them`);
    assertSaid(said.by, said.reason);
    const log = await this.logged(id);
    const parts = await this.prepared(id);
    if (!log && parts.length === 0) {
      throw new ResolutionRefused(
        `transaction ${id} is not in doubt: no log of decisions and no participant in these databases knows of it`,
      );
    }
    if (log && (said.participant === undefined || log.logged.state === 'preparing')) {
      return this.decide(id, said, log);
    }
    return this.force(id, { ...said, waitMs }, { log, parts });
  }

  private async decide(
    id: string,
    { outcome, by, reason, participant }: ResolveOptions,
    { at, logged }: { readonly at: Desk; readonly logged: LoggedTransaction },
  ): Promise<Resolved[]> {
    const decided = logged.state;
    if (participant !== undefined) refuseUnless(id, { participant, outcome, decided });
    await decideByForce(at.log, id, { outcome, by, reason, decided });
    return [{ participant: null, outcome: 'carried-out' }];
  }

  private async force(
    id: string,
    { outcome, by, reason, participant, waitMs }: ResolveOptions & { readonly waitMs: number },
    {
      log,
      parts,
    }: { readonly log: { at: Desk; logged: LoggedTransaction } | undefined; readonly parts: readonly Known[] },
  ): Promise<Resolved[]> {
    if (log) refuseUnless(id, { participant: participant ?? '', outcome, decided: log.logged.state });
    const chosen = parts.filter(({ prepared: { participant: name } }) => (participant ?? name) === name);
    if (chosen.length > 0) {
      const until = Date.now() + waitMs;
      return Promise.all(
        chosen.map(async ({ at, prepared: { participant: name } }) => {
          const said = { id, participant: name, was: 'prepared', outcome, by, reason };
          const number = await at.forced.record(said, { isDone: false });
          await reached('operator.recorded');
          return { participant: name, outcome: await comeOf(at.forced, number, until) };
        }),
      );
    }
    if (!log || participant === undefined || !log.logged.unacknowledged.includes(participant)) {
      throw new ResolutionRefused(
        `transaction ${id} is not prepared at "${participant ?? ''}": there is nothing to resolve`,
      );
    }
    await this.putRight({ id, participant, outcome, by, reason }, log);
    return [{ participant, outcome: 'carried-out' }];
  }

  /**
   * It was put right by hand, and nobody needs to be told any more. A commit is not forgotten before the participant's own log says
   * that it has ended there: one that is prepared still, wherever that may be, would ask, and be told that it was aborted.
   */
  private async putRight(
    { id, participant, outcome, by, reason }: Required<ResolveOptions> & { readonly id: string },
    { at }: { readonly at: Desk },
  ): Promise<void> {
    const was = await this.settledAt(participant, id);
    if (outcome === 'committed' && was === undefined) {
      throw new ResolutionRefused(
        `transaction ${id} is committed, and "${participant}" is told so until it has acknowledged: in none of these databases has it come to an end there. Name the one of "${participant}" as well; of a service, resolve it in a process that can ask it`,
      );
    }
    await at.forced.record({ id, participant, was: was ?? 'told', outcome, by, reason }, { isDone: true });
    await reached('operator.recorded');
    await at.log.acknowledge(id, [participant], 0, null);
  }

  private async settledAt(participant: string, id: string): Promise<Ended | undefined> {
    for (const { database } of this.desks) {
      const [row] = await database.queryOutside<{ state: Ended }>(settled, [participant, id]);
      if (row) return row.state;
    }
    return undefined;
  }

  private async logged(id: string): Promise<{ at: Desk; logged: LoggedTransaction } | undefined> {
    for (const at of this.desks) {
      const [logged] = await at.log.list(1, { id });
      if (logged) return { at, logged };
    }
    return undefined;
  }

  private async prepared(id: string | null): Promise<Known[]> {
    const found = await Promise.all(
      this.desks.map(async (at) =>
        (await at.database.queryOutside<PreparedTransaction>(prepared, [id])).map((one) => ({ at, prepared: one })),
      ),
    );
    return found.flat();
  }
}

async function comeOf(forced: ForcedResolutions, number: bigint, until: number): Promise<Resolved['outcome']> {
  for (;;) {
    const { isDone, overruled } = await forced.stateOf(number);
    if (isDone) return overruled === null ? 'carried-out' : 'overruled';
    if (Date.now() > until) return 'recorded';
    await sleep(LOOK_AGAIN_MS);
  }
}
