// Locks as rows of PostgreSQL (docs/adr/0018-lock-service.md). What is asked of it goes over a connection aside: transactions
// wait for locks, and may hold all others.
import { type Database, loadSql } from '@concord/database';
import type { LockHolder } from '../lock-holder.js';
import type { LockNews } from '../session/lock-news.js';
import type { GiveUp, Heard, LockTable, SessionIdentity, TurnAnswer } from '../session/lock-table.js';
import type { LockAsk, Place } from '../session/owner-locks.js';

interface HeardRow {
  readonly alive: boolean;
  readonly news: readonly LockNews[] | null;
}

interface TurnRow extends HeardRow {
  readonly granted: readonly number[] | null;
  readonly tokens: string | null;
  readonly again_released: readonly number[] | null;
  readonly again: readonly number[] | null;
}

const sql = {
  beat: loadSql(import.meta.url, 'sql/lock-beat.sql'),
  turn: loadSql(import.meta.url, 'sql/lock-turn.sql'),
  look: loadSql(import.meta.url, 'sql/look-at-locks.sql'),
  end: loadSql(import.meta.url, 'sql/end-lock-session.sql'),
  holders: loadSql(import.meta.url, 'sql/lock-holders.sql'),
};

/** The channel on which a session is told to look what is new. */
const channelOf = (session: string): string => `concord_locks_${session.replaceAll('-', '')}`;

export class PostgresLockTable implements LockTable {
  readonly turnsAtOnce = 1;

  constructor(private readonly database: Database) {}

  async beat({ id, label, leaseMs }: SessionIdentity, begins: boolean): Promise<Heard> {
    return this.heard(await this.database.queryAside<HeardRow>(sql.beat, [id, label, leaseMs, begins]));
  }

  async turn(session: string, asks: readonly LockAsk[], givenUp: readonly GiveUp[]): Promise<TurnAnswer> {
    const [row] = await this.database.queryAside<TurnRow>(sql.turn, valuesOf(session, asks, givenUp));
    if (!row) throw new Error('unreachable: a function answers one row');
    const tokens = row.tokens?.split(',') ?? [];
    return {
      alive: row.alive,
      news: row.news ?? [],
      granted: pick(asks, row.granted).map((ask, n) => ({ ask, token: BigInt(tokens[n] ?? 0) })),
      again: pick(asks, row.again),
      againGivenUp: pick(givenUp, row.again_released),
    };
  }

  async look(session: string, places: readonly Place[], settles: boolean): Promise<Heard> {
    const tenants = places.map(({ tenant }) => tenant);
    const streams = places.map(({ stream }) => stream);
    return this.heard(await this.database.queryAside<HeardRow>(sql.look, [session, tenants, streams, settles]));
  }

  end(session: string): Promise<LockNews[]> {
    return this.database.queryAside<LockNews>(sql.end, [session]);
  }

  holdersOf({ tenant, stream }: Place): Promise<LockHolder[]> {
    return this.database.queryAside<LockHolder & object>(sql.holders, [tenant, stream]);
  }

  listen(session: string, hear: () => void): () => void {
    return this.database.notifications.listen(channelOf(session), () => hear());
  }

  tell(session: string): void {
    this.database.notifications.notify(channelOf(session));
  }

  private heard([row]: readonly HeardRow[]): Heard {
    return { alive: row?.alive ?? false, news: row?.news ?? [] };
  }
}

function pick<T>(items: readonly T[], numbers: readonly number[] | null): T[] {
  return (numbers ?? []).flatMap((number) => items[number - 1] ?? []);
}

function valuesOf(session: string, asks: readonly LockAsk[], givenUp: readonly GiveUp[]): unknown[] {
  return [
    session,
    givenUp.map(({ owner }) => owner.id),
    givenUp.map(({ tenant }) => tenant),
    givenUp.map(({ stream }) => stream),
    givenUp.map(({ waitsOnly }) => waitsOnly),
    asks.map(({ owner }) => owner.id),
    asks.map(({ owner }) => owner.started),
    asks.map(({ owner }) => owner.origin),
    asks.map(({ tenant }) => tenant),
    asks.map(({ stream }) => stream),
    asks.map(({ mode }) => mode),
  ];
}
