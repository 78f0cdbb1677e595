// One connection string, one client, and patience: deadlines of our own, another attempt where one may succeed, and a new
// client where the old one is stuck. What the client does wrong ends here.
import { setTimeout as sleep } from 'node:timers/promises';
import { EventStoreDBClient, type ResolvedEvent } from '@eventstore/db-client';
import { InvalidArgument, StreamDeleted, type StreamName } from '@concord/kernel';
import { BatchAppend } from './batch-append.js';
import { isMissingStream, isTombstone, isTransient, translateFailure, Unanswered } from './failures.js';
import { parseWireName, readEvent, type ReadEvent } from './wire-events.js';

/** Times in milliseconds. */
export interface Patience {
  /** How long one call may take, or a read be silent. By default what the connection string says, or 5,000. */
  readonly deadline?: number;
  /** How long attempts are made, one after the other; 15,000 by default. */
  readonly patience?: number;
}

/** From where, which way, and how much. */
export interface Stretch {
  /** Included. Without: from the start, or backwards from the end. */
  readonly from?: bigint;
  readonly backwards?: boolean;
  readonly limit: number;
}

type Reading = ReturnType<EventStoreDBClient['readAll']> | ReturnType<EventStoreDBClient['readStream']>;

interface Live {
  readonly client: EventStoreDBClient;
  readonly appends: BatchAppend;
}

/** Whether a failure is the end of it: then it throws. `isOver`: no more attempt is made in any case. */
export type Judge = (error: unknown, isOver: boolean) => Promise<void> | void;

const DEFAULT_KEEP_ALIVE_MS = 10_000;
const FIRST_BACKOFF_MS = 50;
const MAX_BACKOFF_MS = 2_000;

export class Connection {
  readonly deadline: number;
  private readonly patience: number;
  private renewals = 0;
  private live: Live;
  private readonly used = new WeakSet<EventStoreDBClient>();
  private readonly closing = new AbortController();

  /** Errors: InvalidArgument for a connection string that is none; it is not shown, it may hold a password. */
  constructor(
    private readonly url: string,
    options: Patience = {},
  ) {
    const given = /[?&]defaultDeadline=(\d{1,9})/i.exec(url)?.[1];
    this.deadline = options.deadline ?? (given === undefined ? 5_000 : Number(given));
    this.patience = options.patience ?? 15_000;
    this.live = this.connect();
  }

  /** A page of a stream; undefined when there is no such stream. */
  readStream(name: string, { from, backwards = false, limit }: Stretch): Promise<ReadEvent[] | undefined> {
    const fromRevision = from ?? (backwards ? 'end' : 'start');
    const direction = backwards ? 'backwards' : 'forwards';
    return this.again(async ({ client }) => {
      try {
        const options = { fromRevision, direction, maxCount: limit, requiresLeader: true } as const;
        return await this.collect(client.readStream(name, options));
      } catch (error) {
        if (isMissingStream(error)) return undefined;
        if (isTombstone(error)) throw new StreamDeleted(parseWireName(name)?.stream ?? (name as StreamName));
        throw error;
      }
    });
  }

  /** A page of everything there is. */
  readAll({ from, backwards = false, limit }: Stretch): Promise<ReadEvent[]> {
    const fromPosition = from === undefined ? (backwards ? 'end' : 'start') : { commit: from, prepare: from };
    const direction = backwards ? 'backwards' : 'forwards';
    const options = { fromPosition, direction, maxCount: limit, requiresLeader: true } as const;
    return this.again(({ client }) => this.collect(client.readAll(options)));
  }

  /** Makes attempts until one succeeds, `judge` throws, or the time is over. Errors: what `judge` throws. */
  async again<T>(call: (live: Live) => Promise<T>, judge: Judge = judgeRead): Promise<T> {
    const end = Date.now() + this.patience;
    for (let attempt = 0; ; attempt += 1) {
      const { live } = this;
      try {
        this.used.add(live.client);
        return await call(live);
      } catch (error) {
        if (error instanceof Unanswered) this.renew(live);
        await judge(error, Date.now() >= end || this.isClosed);
      }
      await this.pause(attempt);
    }
  }

  /** The client of this moment, for what lasts: subscriptions. */
  get client(): EventStoreDBClient {
    return this.live.client;
  }

  /** Waits, longer with each attempt and never as long as others do. */
  async pause(attempt: number): Promise<void> {
    const most = Math.min(FIRST_BACKOFF_MS * 2 ** attempt, MAX_BACKOFF_MS);
    const { signal } = this.closing;
    await sleep(most * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => undefined);
  }

  get isClosed(): boolean {
    return this.closing.signal.aborted;
  }

  /** Without it the client's calls keep the process alive. */
  async close(): Promise<void> {
    this.closing.abort();
    await this.dispose(this.live.client);
  }

  private connect(): Live {
    try {
      const client = EventStoreDBClient.connectionString(distinct(this.url, this.renewals));
      return { client, appends: new BatchAppend(client, this.deadline) };
    } catch {
      throw new InvalidArgument(
        'EVENTSTORE_URL is no connection string: write esdb://host:2113, with ?tls=false where there is no TLS',
      );
    }
  }

  /** A server that does not answer may do so for ever: the next call gets a connection of its own. */
  private renew(stuck: Live): void {
    if (this.live !== stuck || this.isClosed) return;
    this.renewals += 1;
    this.live = this.connect();
    // What it still answers is welcome until then.
    setTimeout(() => void this.dispose(stuck.client), 2 * this.deadline).unref();
  }

  /** Ends the client's calls and closes its channel, which it never does itself. One that was never used has none. */
  private async dispose(client: EventStoreDBClient): Promise<void> {
    if (!this.used.has(client)) return;
    const insides = client as unknown as { getChannel(): Promise<{ close(): void }> };
    await client.dispose().catch(() => undefined);
    await insides
      .getChannel()
      .then((channel) => channel.close())
      .catch(() => undefined);
  }

  /** All that a read gives. The client has no deadline for reads, and a call cancelled by us ends without a word. */
  private collect(read: Reading): Promise<ReadEvent[]> {
    const events: ReadEvent[] = [];
    let silent: NodeJS.Timeout | undefined;
    const whole = new Promise<void>((resolve, reject) => {
      silent = setTimeout(() => {
        void read.cancel().catch(() => undefined);
        reject(new Unanswered(`a read was silent for ${this.deadline} ms`));
      }, this.deadline);
      read.on('data', (event: ResolvedEvent) => {
        events.push(readEvent(event));
        silent?.refresh();
      });
      read.on('end', resolve);
      read.on('error', reject);
    });
    return whole.then(() => events).finally(() => clearTimeout(silent));
  }
}

/** gRPC lets channels with equal settings share one connection, also one that is stuck: the n-th has settings of its own. */
function distinct(url: string, n: number): string {
  if (n === 0) return url;
  const timeout = Number(/[?&]keepAliveTimeout=(\d{1,9})/i.exec(url)?.[1] ?? DEFAULT_KEEP_ALIVE_MS) + n;
  const base = url.trim().replace(/\/+$/, '');
  return `${base}${base.includes('?') ? '&' : '?'}keepAliveTimeout=${timeout}`;
}

function judgeRead(error: unknown, isOver: boolean): void {
  if (isOver || !isTransient(error)) throw translateFailure(error);
}
