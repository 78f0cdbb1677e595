// The chaos test: workers at full speed over one or several stores, faults of every kind, and the checker over what they were
// told. What is looked for: docs/how-to/chaos.md.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EmbeddedServer } from '../torture/embedded-server.js';
import { Dice, readNotes } from '../torture/model.js';
import type { Verdict } from './checker/anomaly.js';
import { checkHistory } from './checker/check.js';
import type { Line } from './checker/history.js';
import { faultsOf, killsOf } from './faults/faults.js';
import { openWire } from './faults/wire.js';
import { Workers } from './faults/workers.js';
import { Finale } from './finale.js';
import type { Complaint } from './messages.js';
import { TOTAL } from './orders.js';
import { elapsed, readRecords } from './recorder.js';
import { workloadOf } from './workloads/index.js';

export interface ChaosOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly workers: number;
  readonly stores: number;
  readonly workload: string;
  /** Goes on until so many transactions were answered. */
  readonly atLeast: number;
  /** How long a process is stopped. */
  readonly stopMs: number;
  /** None: for weakened runs, which go wrong by themselves. */
  readonly hasFaults: boolean;
  readonly weakening?: string | undefined;
  /** Of all faults only this one: workers are killed at these points. */
  readonly killsAt?: readonly string[];
  /** By default 30 seconds, in which nothing may be in doubt or locked any more. */
  readonly settledWithinMs?: number;
  readonly onProgress?: (line: string) => void;
}

export interface ChaosResult {
  /** Transactions over lists, by time. */
  readonly lists: readonly Line[];
  /** Transfers and audits, by time. */
  readonly bank: readonly Line[];
  readonly verdict: Verdict;
  /** What was wrong besides: locks that stayed, errors that nobody may meet. */
  readonly faults: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
}

const SETTLED_WITHIN_MS = 30_000;
/** How long the calm between two faults may be. */
const LONGEST_CALM_MS = 1_500;
/** However slow the machine is. */
const LEAST_FAULTS = 3;
/** All of an error's kinds that a command may end with when things break; what else is met is a fault of ours. */
const EXPECTED: ReadonlySet<string> = new Set([
  'refused-on-purpose',
  'invariant-broken',
  'transient-conflict',
  'wrong-expected-version',
  'database-unavailable',
  'commit-unknown',
  'lock-wait-timeout',
  'owner-wounded',
  'lease-lost',
  'ownership-lost',
  'transaction-aborted',
  'transaction-in-doubt',
  // Of the mailboxes, when the time for retries is over.
  'decided-on-stale-state',
]);

/** Errors: what keeps it from running. What went wrong with the transactions is in the result. */
export async function chaos(options: ChaosOptions): Promise<ChaosResult> {
  const servers: EmbeddedServer[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'concord-chaos-'));
  try {
    for (let store = 0; store < options.stores; store += 1) servers.push(await started());
    return await new Run(options, servers, folder).all();
  } finally {
    await Promise.all(servers.map((server) => server.remove()));
    rmSync(folder, { recursive: true, force: true });
  }
}

async function started(): Promise<EmbeddedServer> {
  const server = await EmbeddedServer.start();
  // There are to be many deadlocks: by default each of them would stop everybody for a second.
  await server.query(`alter system set deadlock_timeout = '50ms'`);
  await server.query('select pg_reload_conf()');
  return server;
}

class Run {
  private readonly dice: Dice;
  private readonly origin = process.hrtime.bigint();
  private readonly workers: Workers;
  private readonly struck: Record<string, number> = {};

  constructor(
    private readonly options: ChaosOptions,
    private readonly servers: readonly EmbeddedServer[],
    private readonly folder: string,
  ) {
    const { workload, weakening, seed } = options;
    this.dice = new Dice(seed);
    this.workers = new Workers({
      workload,
      weakening,
      origin: this.origin.toString(),
      servers,
      folder,
      seed: () => this.dice.below(2 ** 31),
    });
  }

  async all(): Promise<ChaosResult> {
    const wires = await Promise.all(this.servers.map(openWire));
    const urls = wires.map(({ url }) => url);
    const finale = await Finale.open(workloadOf(this.options.workload), urls, {
      path: join(this.folder, 'history-0'),
      origin: this.origin,
    });
    try {
      await finale.openAccounts();
      await this.workers.startAll(this.options.workers);
      await this.strikeUntilDone();
      const calm = Date.now();
      await this.workers.stop();
      const left = await finale.leftovers(calm, this.options.settledWithinMs ?? SETTLED_WITHIN_MS);
      await this.workers.leave();
      const unread = await finale.readAll(this.records()).then(
        () => [],
        (error: unknown) => [`what is there cannot be read: ${String(error)}`],
      );
      return this.result({ ...left, left: [...left.left, ...unread] });
    } finally {
      await this.workers.clear();
      await finale.close();
      for (const wire of wires) wire.close();
    }
  }

  private async strikeUntilDone(): Promise<void> {
    const { seconds, hasFaults, stopMs, workload, killsAt, onProgress } = this.options;
    const all = killsAt ? killsOf(killsAt) : faultsOf(workloadOf(workload).points);
    const faults = hasFaults ? all : [];
    const deadline = Date.now() + seconds * 1000;
    const isDone = (turn: number): boolean =>
      Date.now() > deadline && (!hasFaults || turn >= LEAST_FAULTS) && this.answered() >= this.options.atLeast;
    for (let turn = 0; !isDone(turn); turn += 1) {
      await sleep(100 + this.dice.below(LONGEST_CALM_MS));
      const next = faults[turn % faults.length];
      if (!next) continue;
      const [name, fault] = next;
      this.struck[name] = (this.struck[name] ?? 0) + 1;
      await fault({ dice: this.dice, workers: this.workers, servers: this.servers, stopMs });
      onProgress?.(`${Math.max(0, Math.round((deadline - Date.now()) / 1000))} s left, ${name}`);
    }
  }

  private records(): Line[] {
    const files = [join(this.folder, 'history-0'), ...this.workers.files.map(({ history }) => history)];
    return readRecords(files, elapsed(this.origin));
  }

  private answered(): number {
    return this.options.atLeast === 0 ? 0 : this.records().filter(({ f, type }) => f === 'txn' && type === 'ok').length;
  }

  private result({ left, tookMs }: { left: readonly string[]; tookMs: number }): ChaosResult {
    const lines = this.records();
    const complaints = this.workers.files.flatMap((files) => readNotes<Complaint>(files.complaints));
    const met = Map.groupBy(complaints, ({ code }) => code);
    const unexpected = complaints.filter(({ code }) => !EXPECTED.has(code));
    const counts = {
      ...this.struck,
      ...Object.fromEntries([...met].map(([code, all]) => [`met: ${code}`, all.length])),
      'milliseconds until nothing was locked': tookMs,
    };
    return {
      lists: lines.filter(({ f }) => f === 'txn'),
      bank: lines.filter(({ f }) => f !== 'txn'),
      verdict: checkHistory(lines, { total: TOTAL }),
      faults: [...left, ...unexpected.map(({ message }) => `met an error that nobody may meet: ${message}`)],
      counts,
    };
  }
}
