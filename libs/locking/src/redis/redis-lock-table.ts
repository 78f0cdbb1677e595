// Locks in the memory of a Redis (docs/adr/0024-locks-on-redis.md): its order counts, and its clock for leases.
import type { Database } from '@concord/database';
import { warn } from '@concord/kernel';
import type { LockHolder } from '../lock-holder.js';
import { lockKey, type LockNews } from '../session/lock-news.js';
import type { GiveUp, Heard, LockTable, SessionIdentity, TurnAnswer } from '../session/lock-table.js';
import type { LockAsk, Place } from '../session/owner-locks.js';
import { type OpenLink, RedisLink } from './redis-link.js';
import { drawnOf, groups, loneHold, readHolds, readNews, readTakings, readWaiter, tokenOf } from './redis-texts.js';
import type { ScriptName } from './scripts.js';
import { type RunFor, Takeovers } from './takeovers.js';

type Hear = (news?: readonly LockNews[]) => void;

interface Said {
  readonly link: OpenLink;
  readonly news: readonly LockNews[];
  readonly rest: readonly unknown[];
}

export interface Listed {
  readonly life: bigint;
  /** Names of locks, and who holds them. */
  readonly held: readonly (readonly [string, string])[];
  /** Names of locks, and who waits for them. */
  readonly waiting: readonly (readonly [string, string])[];
  readonly labels: ReadonlyMap<string, string>;
}

/** For what is asked in the name of no session. */
const NOBODY = '-';

export class RedisLockTable implements LockTable {
  /** One is read while the next one is done. */
  readonly turnsAtOnce = 2;
  readonly takeovers: Takeovers;
  private readonly redis: RedisLink;
  private readonly sessions = new Map<string, Hear>();
  private readonly listening = new Set<string>();
  private readonly taking = new Set<Promise<void>>();
  private isReaping = false;

  constructor(url: string, database: Database) {
    this.redis = new RedisLink(url, database, {
      opens: (link) => this.opens(link),
      opened: () => {
        for (const hear of this.sessions.values()) hear();
      },
      heard: (link, channel, message) => {
        const session = channel.slice(channel.lastIndexOf(':') + 1);
        this.sessions.get(session)?.(readNews(link.life, session, JSON.parse(message) as unknown[]));
      },
    });
    this.takeovers = new Takeovers(database, this.redis);
  }

  async beat({ id, label, leaseMs }: SessionIdentity, begins: boolean): Promise<Heard> {
    if (begins) await this.listenTo(id);
    const { link, news, rest } = await this.run('beat', id, [label, leaseMs, begins ? 'begin' : '']);
    const [alive, dead] = rest as [number, string[]];
    void this.afterBeat(link, id, dead);
    return { alive: alive === 1, news };
  }

  async turn(session: string, asks: readonly LockAsk[], givenUp: readonly GiveUp[]): Promise<TurnAnswer> {
    let lines = '';
    for (const { owner, tenant, stream, waitsOnly, held } of givenUp) {
      const expected = held ? loneHold(held.mode, owner, session) + String(drawnOf(held.fencingToken)) : '';
      lines += `${lockKey(tenant, stream)}\n${expected}\n${owner.id} ${owner.started}${waitsOnly ? 'w' : ''}\n`;
    }
    for (const { key, owner, mode } of asks) lines += `${key}\n${loneHold(mode, owner, session)}\n`;
    const { link, news, rest } = await this.run('turn', session, [givenUp.length, lines]);
    const [alive, tokens] = rest as [number, number[]];
    const granted: TurnAnswer['granted'][number][] = [];
    for (const [n, ask] of asks.entries()) {
      const token = tokens[n];
      if (token) granted.push({ ask, token: tokenOf(link.life, token) });
    }
    return { alive: alive === 1, news, granted, again: [], againGivenUp: [] };
  }

  async look(session: string, places: readonly Place[], settles: boolean): Promise<Heard> {
    const keys = places.map(({ tenant, stream }) => lockKey(tenant, stream));
    const { news, rest } = await this.run('look', session, [settles ? 'settle' : '', ...keys]);
    const [alive, prepared] = rest as [number, string[]];
    if (settles) await this.takeovers.forgetReleased(prepared, this.runFor(session));
    return { alive: alive === 1, news };
  }

  async end(session: string): Promise<readonly LockNews[]> {
    const link = await this.redis.open();
    await this.redis.ask(link, () => link.commands.del(`${link.base}session:${session}`));
    await this.takeovers.reap(link, new Set([session]), this.runFor(session));
    // Those who wait get it now.
    await Promise.all(this.taking);
    return [];
  }

  async holdersOf({ tenant, stream }: Place): Promise<LockHolder[]> {
    const { held, waiting, labels } = await this.list(lockKey(tenant, stream));
    const holders = held.flatMap(([, value]) => readHolds(value));
    const label = (session: string): string => labels.get(session) ?? '';
    return [
      ...holders.map(({ owner, session, mode, prepared }) => ({
        owner,
        label: label(session),
        mode,
        prepared,
        holds: true,
      })),
      ...waiting.map(([, member]) => {
        const { owner, session, mode } = readWaiter(member);
        return { owner, label: label(session), mode, prepared: false, holds: false };
      }),
    ];
  }

  listen(session: string, hear: Hear): () => void {
    this.sessions.set(session, hear);
    return () => {
      this.sessions.delete(session);
      this.listening.delete(session);
    };
  }

  /** The scripts tell other sessions themselves. */
  tell(): void {}

  async list(key = ''): Promise<Listed> {
    const { link, rest } = await this.run('list', NOBODY, [key]);
    const [held, waiting, labels] = rest.map((items) => groups(items as unknown[], 2)) as [string, string][][];
    return { life: link.life, held: held ?? [], waiting: waiting ?? [], labels: new Map(labels) };
  }

  /** Runs a script in the name of a session, and hands on what it tells. */
  runFor(session = NOBODY): RunFor {
    return async (name, values) => {
      const { news } = await this.run(name, session, values);
      if (news.length > 0) this.sessions.get(session)?.(news);
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.taking);
    await this.redis.close();
  }

  private async run(name: ScriptName, session: string, values: readonly (string | number)[]): Promise<Said> {
    const { link, reply } = await this.redis.run(name, [session, ...values]);
    const [news, takings, ...rest] = reply as [unknown[], unknown[], ...unknown[]];
    if (takings.length > 0) {
      const taking = this.takeovers.take(link, readTakings(takings), this.runFor(session));
      this.taking.add(taking);
      void taking.finally(() => this.taking.delete(taking));
    }
    return { link, rest, news: readNews(link.life, session, news) };
  }

  private async listenTo(session: string): Promise<void> {
    this.listening.add(session);
    const link = await this.redis.open();
    await this.redis.ask(link, () => link.hints.subscribe(link.channelOf(session)));
  }

  private async opens(link: OpenLink): Promise<void> {
    const channels = [...this.listening].map((session) => link.channelOf(session));
    if (channels.length > 0) await link.hints.subscribe(...channels);
    await this.takeovers.restore(null, async (name, values) => {
      await this.redis.runOn(link, name, [NOBODY, ...values]);
    });
  }

  /** What has time. */
  private async afterBeat(link: OpenLink, session: string, dead: readonly string[]): Promise<void> {
    if (this.isReaping) return;
    this.isReaping = true;
    try {
      await this.redis.checkLife(link);
      if (dead.length > 0) await this.takeovers.reap(link, new Set(dead), this.runFor(session));
    } catch (error) {
      warn(error, 'ConcordLocks');
    } finally {
      this.isReaping = false;
    }
  }
}
