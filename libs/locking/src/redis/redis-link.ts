// The way to the Redis that keeps the locks: one connection for scripts and one for hints, to one server in one life. When
// either is lost both are, and the way is opened anew; until then whatever is asked fails.
import { type Database, DatabaseUnavailable, loadSql } from '@concord/database';
import { ConcordError, newId, warn } from '@concord/kernel';
import { Redis } from 'ioredis';
import { setTimeout as sleep } from 'node:timers/promises';
import { identityOf } from './redis-server-info.js';
import { defineScripts, runScript, type ScriptName } from './scripts.js';

interface Place {
  readonly namespace: string;
  readonly life: string;
  readonly database: string;
}

export interface RedisLinkEvents {
  /** The way is about to be open, for the first time or again. */
  opens(link: OpenLink): Promise<void>;
  /** What was said meanwhile was not heard. */
  opened(): void;
  /** Something was said on a channel. */
  heard(link: OpenLink, channel: string, message: string): void;
}

const sql = {
  namespace: loadSql(import.meta.url, 'sql/redis-namespace.sql'),
  beginLife: loadSql(import.meta.url, 'sql/begin-redis-life.sql'),
};
// A server that does not answer for so long is gone, as far as this process is concerned.
const SILENCE_MS = 5_000;
// A server that answers closes the connection at once.
const GOODBYE_MS = 100;
const PAUSES_MS = [10, 50, 200, 500, 1000];
// What a server says that cannot serve now, and may later.
const NOT_NOW = /^(?:READONLY|LOADING|OOM|MISCONF|BUSY|NOREPLICAS|MASTERDOWN|UNKILLABLE|CLUSTERDOWN|MOVED|TRYAGAIN)\b/;

/** Two connections to one server. */
export class OpenLink {
  isOver = false;

  constructor(
    readonly commands: Redis,
    readonly hints: Redis,
    /** The hash of the life; all keys begin as it does. */
    readonly key: string,
    readonly life: bigint,
  ) {}

  /** All other keys of this life begin so. */
  get base(): string {
    return `${this.key.slice(0, -'life'.length)}${this.life}:`;
  }

  channelOf(session: string): string {
    return `${this.base}news:${session}`;
  }

  close(): void {
    this.isOver = true;
    end(this.commands, this.hints);
  }
}

export class RedisLink {
  private current: OpenLink | undefined;
  private opening: Promise<OpenLink> | undefined;
  private reopening: Promise<void> | undefined;
  private last: { readonly identity: string; readonly client: number } | undefined;
  private readonly closing = new AbortController();

  constructor(
    private readonly url: string,
    private readonly database: Database,
    private readonly events: RedisLinkEvents,
  ) {}

  /** Errors: DatabaseUnavailable; InvalidArgument, of a server that is not fit for locks. */
  async open(): Promise<OpenLink> {
    if (this.current && !this.current.isOver) return this.current;
    if (this.isClosed()) throw new DatabaseUnavailable('the Redis of the locks is being left');
    return (this.opening ??= this.openAnew().finally(() => (this.opening = undefined)));
  }

  /** Runs a script of this life, or of the one that has begun since. Errors: those of open(). */
  async run(name: ScriptName, values: readonly (string | number)[]): Promise<{ link: OpenLink; reply: unknown[] }> {
    const link = this.current ?? (await this.open());
    return { link, reply: await this.runOn(link, name, values) };
  }

  /** Runs a script of this life only. Errors: DatabaseUnavailable. */
  async runOn(link: OpenLink, name: ScriptName, values: readonly (string | number)[]): Promise<unknown[]> {
    const reply = await this.ask(link, () => runScript(link.commands, name, link.key, [String(link.life), ...values]));
    if (Array.isArray(reply) && reply[0] === 'ok') return reply.slice(1) as unknown[];
    this.lose(link);
    throw new DatabaseUnavailable('the Redis of the locks has begun anew: try again');
  }

  /** A check by the clock: whether the database has begun another life since. */
  async checkLife(link: OpenLink): Promise<void> {
    const { life } = await this.place();
    if (life !== String(link.life)) this.lose(link);
  }

  /** Asks a server. Errors: DatabaseUnavailable. */
  async ask<T>(link: OpenLink, question: () => Promise<T>): Promise<T> {
    try {
      return await question();
    } catch (error) {
      if (isReply(error) && !NOT_NOW.test(error.message)) throw error;
      this.lose(link);
      throw unavailable(error);
    }
  }

  /** This way is no good any more; another one is looked for. */
  lose(link: OpenLink): void {
    link.close();
    if (this.current === link) this.current = undefined;
    if (!this.isClosed()) this.reopening ??= this.reopen().finally(() => (this.reopening = undefined));
  }

  async close(): Promise<void> {
    this.closing.abort();
    await this.opening?.catch(() => undefined);
    this.current?.close();
    await this.reopening;
  }

  private isClosed(): boolean {
    return this.closing.signal.aborted;
  }

  private async reopen(): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      const { signal } = this.closing;
      const pause = PAUSES_MS[Math.min(attempt, PAUSES_MS.length - 1)];
      await sleep(pause, undefined, { ref: false, signal }).catch(() => undefined);
      if (this.isClosed()) return;
      const error = await this.open().then(
        () => undefined,
        (failure: unknown) => failure,
      );
      if (error === undefined) return;
      // Said once: a server may be away for long.
      if (attempt === 0 && !this.isClosed()) warn(error, 'ConcordLocks');
    }
  }

  private async openAnew(): Promise<OpenLink> {
    const [commands, hints] = [this.client(), this.client()];
    try {
      await Promise.all([commands.connect(), hints.connect()]);
      const [identity, other] = [identityOf(await commands.info()), identityOf(await hints.info())];
      if (identity !== other) throw new DatabaseUnavailable('the Redis of the locks is changing: try again');
      await this.endLast(commands, identity);
      this.last = { identity, client: await commands.client('ID') };
      const { key, life } = await this.beginLife(commands, identity);
      const link = new OpenLink(commands, hints, key, life);
      for (const client of [commands, hints]) client.on('close', () => this.lose(link));
      hints.on('message', (channel, message) => this.events.heard(link, channel, message));
      await this.events.opens(link);
      if (link.isOver) throw new DatabaseUnavailable('the connection was lost as it was opened');
      this.current = link;
      this.events.opened();
      return link;
    } catch (error) {
      end(commands, hints);
      throw unavailable(error);
    }
  }

  /** What went over the last connection and was not answered must not happen later than what comes now. */
  private async endLast(commands: Redis, identity: string): Promise<void> {
    if (this.last?.identity !== identity) return;
    await commands.client('KILL', 'ID', this.last.client).catch((error: unknown) => {
      // Where the account may not do that, what was sent last may come late: it holds a lock until the lease ends.
      if (!isReply(error)) throw error;
    });
  }

  /** The database says which lives are over: it has drawn their numbers. */
  private async beginLife(commands: Redis, identity: string): Promise<{ key: string; life: bigint }> {
    const { database, namespace } = await this.place();
    // One hash tag: all keys of a database are in one slot.
    const key = `concord:{${database}-${namespace}}:life`;
    for (let over = ''; ;) {
      const proposed = await runScript(commands, 'proposeLife', key, [identity, newId(), over]);
      const [birth, life] = proposed as [string, string];
      if (life === '') {
        const [begun] = await this.database.queryAside<{ life: string }>(sql.beginLife, [birth]);
        await runScript(commands, 'beginLife', key, [birth, begun?.life ?? '']);
        continue;
      }
      if ((await this.place()).life === life) return { key, life: BigInt(life) };
      // Another has begun elsewhere since, behind a network that was cut in two; or the database was put back.
      over = life;
    }
  }

  private async place(): Promise<Place> {
    const [place] = await this.database.queryAside<Place>(sql.namespace);
    if (!place) throw new Error('unreachable: a database has a namespace');
    return place;
  }

  private client(): Redis {
    const client = new Redis(this.url, {
      lazyConnect: true,
      enableOfflineQueue: false,
      autoResubscribe: false,
      autoResendUnfulfilledCommands: false,
      // A connection is to one server: another one is another connection.
      retryStrategy: () => null,
      connectTimeout: SILENCE_MS,
      socketTimeout: SILENCE_MS,
      disconnectTimeout: GOODBYE_MS,
      keepAlive: SILENCE_MS,
    });
    // Whoever asks is told.
    client.on('error', () => undefined);
    defineScripts(client);
    return client;
  }
}

/** One that is closed would keep the process for another while. */
function end(...clients: readonly Redis[]): void {
  for (const client of clients) if (client.status !== 'close' && client.status !== 'end') client.disconnect();
}

function isReply(error: unknown): error is Error {
  return (error as Error).name === 'ReplyError';
}

function unavailable(error: unknown): unknown {
  if (error instanceof ConcordError) return error;
  const why = error instanceof Error ? error.message : String(error);
  return new DatabaseUnavailable(`the Redis of the locks is not available: ${why}`, {}, { cause: error });
}
