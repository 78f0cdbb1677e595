// Locks that are taken from who has not given them up, a younger owner or a dead process: first the database refuses whoever
// holds them by now, and then Redis gives them to the next.
import { type Database, loadSql } from '@concord/database';
import { warn } from '@concord/kernel';
import type { OpenLink, RedisLink } from './redis-link.js';
import { groups, placeOf, readHolds, type Taking, tokenOf } from './redis-texts.js';
import { lockKey } from '../session/lock-news.js';
import type { Place } from '../session/owner-locks.js';

export interface PreparedRow extends Place {
  readonly mode: string;
  readonly started: string;
  readonly origin: string;
  readonly owner: string;
  readonly session: string;
  readonly token: bigint;
}

/** Runs a script for a session, and hands on what it tells. */
export type RunFor = (
  name: 'settle' | 'restore' | 'releasePrepared' | 'reap',
  values: readonly string[],
) => Promise<void>;

interface Raised {
  readonly n: number;
  readonly outcome: 'raised' | 'busy' | 'prepared' | 'superseded';
}

const sql = {
  raise: loadSql(import.meta.url, 'sql/raise-lock-fences.sql'),
  prepared: loadSql(import.meta.url, 'sql/prepared-locks.sql'),
};
const PAGE = 500;

export class Takeovers {
  private readonly underWay = new Set<string>();

  constructor(
    private readonly database: Database,
    private readonly redis: RedisLink,
  ) {}

  /** What fails is tried again by whoever waits, when it looks. */
  async take(link: OpenLink, takings: readonly Taking[], run: RunFor): Promise<void> {
    const mine = takings.filter(({ key }) => !this.underWay.has(key));
    if (mine.length === 0) return;
    for (const { key } of mine) this.underWay.add(key);
    try {
      const raised = await this.raise(link, mine);
      for (const { key } of mine) this.underWay.delete(key);
      const having = (wanted: Raised['outcome']): Taking[] =>
        raised.filter(({ outcome }) => outcome === wanted).flatMap(({ n }) => mine[n - 1] ?? []);
      if (having('superseded').length > 0) this.redis.lose(link);
      const prepared = having('prepared');
      if (prepared.length > 0)
        await this.restore(
          prepared.map(({ key }) => placeOf(key)),
          run,
        );
      const free = having('raised').flatMap(({ key, mode, drawn }) => [key, mode, String(drawn)]);
      if (free.length > 0) await run('settle', free);
    } catch (error) {
      warn(error, 'ConcordLocks');
    } finally {
      for (const { key } of mine) this.underWay.delete(key);
    }
  }

  /** What is prepared in the database is prepared in Redis. Of everywhere, unless places are named. */
  async restore(places: readonly Place[] | null, run: RunFor): Promise<void> {
    const rows = await this.preparedRows(places);
    const values = rows.flatMap(({ tenant, stream, mode, started, origin, owner, session }) => [
      lockKey(tenant, stream),
      ...[mode, started, origin, owner, session],
    ]);
    if (values.length > 0) await run('restore', values);
  }

  /** What is prepared in Redis and not in the database is so no more: whoever released it did not come to say so. */
  async forgetReleased(suspects: readonly unknown[], run: RunFor): Promise<void> {
    const pairs = groups(suspects, 2).map(([key, owner]) => ({ key: String(key), owner: String(owner) }));
    if (pairs.length === 0) return;
    const rows = await this.preparedRows(pairs.map(({ key }) => placeOf(key)));
    const there = new Set(rows.map(({ tenant, stream, owner }) => `${owner} ${lockKey(tenant, stream)}`));
    const gone = pairs.filter(({ key, owner }) => !there.has(`${owner} ${key}`));
    if (gone.length > 0)
      await run(
        'releasePrepared',
        gone.flatMap(({ key, owner }) => [key, owner]),
      );
  }

  /** Takes what these dead sessions held, and forgets them once nothing is left. */
  async reap(link: OpenLink, dead: ReadonlySet<string>, run: RunFor): Promise<void> {
    const left = new Set<string>();
    for (let cursor = ''; cursor !== '0';) {
      const [next, items] = await this.redis.ask(link, () =>
        link.commands.hscan(`${link.base}locks`, cursor === '' ? 0 : cursor, 'COUNT', PAGE),
      );
      cursor = next;
      const keys: string[] = [];
      for (const [key, value] of groups(items, 2) as [string, string][]) {
        const held = readHolds(value).filter(({ prepared, session }) => !prepared && dead.has(session));
        for (const { session } of held) left.add(session);
        if (held.length > 0) keys.push(key);
      }
      if (keys.length > 0) await run('reap', keys);
    }
    const done = [...dead].filter((session) => !left.has(session));
    if (done.length === 0) return;
    const wounds = done.map((session) => `${link.base}wounds:${session}`);
    await this.redis.ask(link, () =>
      Promise.all([link.commands.srem(`${link.base}sessions`, ...done), link.commands.unlink(...wounds)]),
    );
  }

  preparedRows(places: readonly Place[] | null): Promise<PreparedRow[]> {
    const values = places ? [places.map(({ tenant }) => tenant), places.map(({ stream }) => stream)] : [null, null];
    return this.database.queryAside<PreparedRow & object>(sql.prepared, values);
  }

  private raise(link: OpenLink, takings: readonly Taking[]): Promise<Raised[]> {
    const places = takings.map(({ key }) => placeOf(key));
    return this.database.queryAside<Raised & object>(sql.raise, [
      link.life,
      takings.map(({ owner }) => owner),
      places.map(({ tenant }) => tenant),
      places.map(({ stream }) => stream),
      takings.map(({ mode }) => mode),
      takings.map(({ drawn }) => tokenOf(link.life, drawn)),
    ]);
  }
}
