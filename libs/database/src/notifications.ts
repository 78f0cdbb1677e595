// Hints between processes by NOTIFY and LISTEN, on one connection of their own: a NOTIFY inside a commit that matters would
// take a lock of the whole cluster (13k -> 4k appends/s). A hint may be lost, late or too much; it is never a delivery.
import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { warn } from '@concord/kernel';
import { Logger } from '@nestjs/common';
import pg from 'pg';
import { SteadyConnection } from './steady-connection.js';

/** Whether a hint was given through this Database, or came from another one, mostly that of another process. */
export type HintSource = 'here' | 'elsewhere';

type Listener = (source: HintSource) => void;

// What is due when it is closed may take so long.
const LAST_WORDS_MS = 500;
// One notification in this time carries all hints that came meanwhile.
const GAP_MS = 2;
// While nobody listens elsewhere. Hints of every 2 ms cost a lone command some 5 %; who begins to listen looks by itself first.
const GAP_ALONE_MS = 50;
// Whoever listens holds this lock, shared, on its connection: who could take it alone has nobody to tell.
const LISTENING = `hashtextextended('concord listening', 0)`;
const NOTIFY = {
  name: 'concord:notify',
  text: `select pg_notify(channel, ''),
    (select pg_try_advisory_lock(${LISTENING}) and pg_advisory_unlock(${LISTENING})) as alone
    from unnest($1::text[]) as channel`,
};

/** Hints to whoever listens on a channel, here and in other processes. */
export class Notifications {
  private readonly logger = new Logger(Notifications.name);
  private readonly listeners = new Map<string, Set<Listener>>();
  private readonly due = new Set<string>();
  private sending: Promise<void> | undefined;
  private readonly closing = new AbortController();
  private hasBeenLost = false;
  private readonly connection: SteadyConnection;
  /** What lives on must not carry along the tenant or the transaction of whoever happened to come first. */
  private readonly outside = AsyncLocalStorage.snapshot();

  constructor(settings: () => pg.ClientConfig) {
    this.connection = new SteadyConnection({
      settings,
      prepare: (client) => this.prepare(client),
      onLost: (error) => {
        this.hasBeenLost = true;
        const why = error instanceof Error ? error.message : String(error);
        this.logger.warn(`the connection for hints is lost, readers look by themselves until it is back: ${why}`);
      },
    });
  }

  /** Whether the connection is there now. It is opened when it is first needed. */
  get isConnected(): boolean {
    return this.connection.current !== undefined;
  }

  /** Calls those who listen here at once, and tells other processes soon: the hints of a moment are one. */
  notify(channel: string): void {
    this.raise(channel, 'here');
    if (this.isClosed()) return;
    this.due.add(channel);
    this.sending ??= this.outside(() => this.send());
  }

  /** Calls back at each hint, and whenever hints may have been lost; returns the way to stop. */
  listen(channel: string, listener: Listener): () => void {
    const listeners = this.listeners.get(channel) ?? new Set();
    const isNew = !this.listeners.has(channel);
    this.listeners.set(channel, listeners.add(listener));
    if (isNew) this.outside(() => this.listenTo(channel));
    return () => listeners.delete(listener);
  }

  /** Sends what is due, if the server takes it soon, and lets the connection go. */
  async close(): Promise<void> {
    this.closing.abort();
    if (this.connection.current) await this.lastWords();
    await this.connection.close();
    await this.sending;
  }

  /** The process stays alive for them. */
  private async lastWords(): Promise<void> {
    const said = new AbortController();
    const late = sleep(LAST_WORDS_MS, undefined, { signal: said.signal }).catch(() => undefined);
    await Promise.race([this.sending, late]);
    said.abort();
  }

  private async send(): Promise<void> {
    this.connection.open();
    while (this.due.size > 0) {
      // Without a connection hints gather here, and go out as one when it is back.
      const client = await this.connection.ready();
      if (!client) break;
      const values = [[...this.due]];
      this.due.clear();
      const began = performance.now();
      // A hint that is lost is lost: readers have their own clock.
      const told = await client.query<{ alone: boolean }>({ ...NOTIFY, values }).catch(() => undefined);
      const gap = told?.rows[0]?.alone ? GAP_ALONE_MS : GAP_MS;
      // Where the machine is busy the answer takes longer, and hints become fewer.
      await this.pause(Math.max(gap, 4 * (performance.now() - began)));
    }
    this.sending = undefined;
  }

  private pause(milliseconds: number): Promise<void> {
    const { signal } = this.closing;
    return sleep(milliseconds, undefined, { signal }).catch(() => undefined);
  }

  private isClosed(): boolean {
    return this.closing.signal.aborted;
  }

  private listenTo(channel: string): void {
    this.connection.open();
    const client = this.connection.current;
    if (!client) return;
    listenOn(client, channel).then(
      () => this.raise(channel, 'elsewhere'),
      () => undefined,
    );
  }

  private async prepare(client: pg.Client): Promise<void> {
    const { processID } = client as unknown as { processID: number };
    client.on('notification', ({ channel, processId }) => {
      if (processId !== processID) this.raise(channel, 'elsewhere');
    });
    // Nothing durable ever happens here.
    await client.query('set synchronous_commit = off');
    for (const channel of this.listeners.keys()) await listenOn(client, channel);
    if (this.hasBeenLost) this.logger.log('the connection for hints is back');
    this.hasBeenLost = false;
    // What was said before was not heard.
    for (const channel of this.listeners.keys()) this.raise(channel, 'elsewhere');
  }

  private raise(channel: string, source: HintSource): void {
    for (const listener of this.listeners.get(channel) ?? []) {
      try {
        listener(source);
      } catch (error) {
        warn(error, 'ConcordNotifications');
      }
    }
  }
}

async function listenOn(client: pg.Client, channel: string): Promise<void> {
  await client.query(`select pg_advisory_lock_shared(${LISTENING})`);
  await client.query(`listen ${pg.escapeIdentifier(channel)}`);
}
