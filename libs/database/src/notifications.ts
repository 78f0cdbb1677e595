// Hints between processes by NOTIFY and LISTEN, on one connection of their own: a NOTIFY inside a commit that matters would
// take a lock of the whole cluster (13k -> 4k appends/s). A hint may be lost, late or too much; it is never a delivery.
import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import pg from 'pg';
import { SteadyConnection } from './steady-connection.js';

/** Whether a hint was given through this Database, or came from another one, mostly that of another process. */
export type HintSource = 'here' | 'elsewhere';

type Listener = (source: HintSource) => void;

// One notification in this time carries all hints that came meanwhile.
const GAP_MS = 2;

/** Hints to whoever listens on a channel, here and in other processes. */
export class Notifications {
  private readonly logger = new Logger(Notifications.name);
  private readonly listeners = new Map<string, Set<Listener>>();
  private readonly due = new Set<string>();
  private sending: Promise<void> | undefined;
  private closed = false;
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

  /** Calls those who listen here at once, and tells other processes soon: the hints of two milliseconds are one. */
  notify(channel: string): void {
    this.raise(channel, 'here');
    if (this.closed) return;
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

  /** Sends what is due and lets the connection go. */
  async close(): Promise<void> {
    this.closed = true;
    if (this.connection.current) await this.sending;
    await this.connection.close();
    await this.sending;
  }

  private async send(): Promise<void> {
    this.connection.open();
    while (this.due.size > 0) {
      // Without a connection hints gather here, and go out as one when it is back.
      const client = await this.connection.ready();
      if (!client) break;
      const values = [[...this.due]];
      this.due.clear();
      const text = `select pg_notify(channel, '') from unnest($1::text[]) as channel`;
      const began = performance.now();
      // A hint that is lost is lost: readers have their own clock.
      await client.query({ name: 'concord:notify', text, values }).catch(() => undefined);
      // Where the machine is busy the answer takes longer, and hints become fewer.
      if (!this.closed) await sleep(Math.max(GAP_MS, 4 * (performance.now() - began)));
    }
    this.sending = undefined;
  }

  private listenTo(channel: string): void {
    this.connection.open();
    const client = this.connection.current;
    if (!client) return;
    client.query(`listen ${pg.escapeIdentifier(channel)}`).then(
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
    for (const channel of this.listeners.keys()) await client.query(`listen ${pg.escapeIdentifier(channel)}`);
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
        process.emitWarning(error instanceof Error ? error : String(error), 'ConcordNotifications');
      }
    }
  }
}
