// One connection beside the pool that is to be there all the time: opened again, later and later, whenever it is lost.
// It never keeps the process alive, and it takes part in no transaction.
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;
const CHECK_MS = 15_000;
const PATIENCE_MS = 5_000;
const GOODBYE_MS = 1_000;

export interface SteadyConnectionOptions {
  readonly settings: () => pg.ClientConfig;
  /** Runs on each new connection before it counts as ready. */
  prepare(client: pg.Client): Promise<void>;
  /** The connection is lost, or could not be made. It is told once an outage. */
  onLost(error: unknown): void;
}

export class SteadyConnection {
  private readonly closing = new AbortController();
  private running: Promise<void> | undefined;
  private client: pg.Client | undefined;
  private waiting: ((client: pg.Client | undefined) => void)[] = [];

  constructor(private readonly options: SteadyConnectionOptions) {}

  /** Connects, and stays connected until close(). A second call does nothing. */
  open(): void {
    this.running ??= this.run();
  }

  /** The connection, if it is there now. */
  get current(): pg.Client | undefined {
    return this.client;
  }

  /** Resolves when there is a connection; undefined once it is closed for good. */
  ready(): Promise<pg.Client | undefined> {
    if (this.client || this.isClosed()) return Promise.resolve(this.client);
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  async close(): Promise<void> {
    this.closing.abort();
    this.settle(undefined);
    await this.running;
  }

  private async run(): Promise<void> {
    for (let failures = 0; !this.isClosed(); failures += 1) {
      try {
        await this.connectOnce(() => (failures = 0));
      } catch (error) {
        if (failures === 0 && !this.isClosed()) this.options.onLost(error);
      }
      const pause = Math.min(FIRST_PAUSE_MS * 2 ** failures, LONGEST_PAUSE_MS);
      // Not all at once: a server that restarts has every process coming back.
      await this.pause(pause * (0.5 + Math.random() / 2));
    }
  }

  /** From connecting to the loss of the connection, which it throws, or to close(). */
  private async connectOnce(onReady: () => void): Promise<void> {
    const client = new pg.Client(this.options.settings());
    let cancel!: () => void;
    const lost = new Promise<never>((_, reject) => {
      client.on('error', reject);
      client.on('end', () => reject(new Error('the connection was closed')));
      // Whatever the server says to it, or does not say.
      cancel = () => reject(new Error('it is no longer wanted'));
    });
    lost.catch(() => undefined);
    this.closing.signal.addEventListener('abort', cancel);
    try {
      await Promise.race([lost, client.connect()]);
      (client as unknown as { unref(): void }).unref();
      await Promise.race([lost, within(PATIENCE_MS, this.options.prepare(client))]);
      onReady();
      this.settle(client);
      // One race for as long as it lives: each one more would stay with `lost` until the end.
      await Promise.race([lost, this.keepChecking(client)]);
    } finally {
      this.client = undefined;
      this.closing.signal.removeEventListener('abort', cancel);
      await discard(client);
    }
  }

  /** A peer that vanished without a word is noticed here: TCP alone would take hours. */
  private async keepChecking(client: pg.Client): Promise<never> {
    for (;;) await this.check(client);
  }

  private async check(client: pg.Client): Promise<void> {
    await this.pause(CHECK_MS);
    await within(PATIENCE_MS, client.query('select 1'));
  }

  private isClosed(): boolean {
    return this.closing.signal.aborted;
  }

  private settle(client: pg.Client | undefined): void {
    this.client = client;
    for (const resolve of this.waiting.splice(0)) resolve(client);
  }

  private pause(milliseconds: number): Promise<void> {
    const { signal } = this.closing;
    return sleep(milliseconds, undefined, { ref: false, signal }).catch(() => undefined);
  }
}

async function within<T>(milliseconds: number, answer: Promise<T>): Promise<T> {
  // It may fail long after nobody waits for it any more.
  answer.catch(() => undefined);
  const inTime = new AbortController();
  const late = sleep(milliseconds, undefined, { ref: false, signal: inTime.signal }).then(() => {
    throw new Error(`the server did not answer within ${milliseconds} ms`);
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([late, answer]);
  } finally {
    inTime.abort();
  }
}

/** Ends it politely, or, when the server says nothing, without a word. The process is kept alive for that: it is waited for. */
async function discard(client: pg.Client): Promise<void> {
  const inside = client as unknown as { ref(): void; connection: { stream: { destroy(): void } } };
  inside.ref();
  const ended = client.end().then(
    () => false,
    () => false,
  );
  const saidGoodbye = new AbortController();
  const late = sleep(GOODBYE_MS, true, { signal: saidGoodbye.signal }).catch(() => false);
  if (await Promise.race([ended, late])) inside.connection.stream.destroy();
  saidGoodbye.abort();
}
