// A process's part in the work on instances: it leases what is due, works on many at a time, and gives each back with the
// time at which it is due again. Timers, retries and what a dead process has left behind are all the same to it: a time.
import { newId } from '@concord/kernel';
import { delayOf, reasonOf, Signal } from '@concord/subscriptions';
import { withoutTrace } from '@concord/telemetry';
import { runInTenant } from '@concord/tenancy';
import { RETRY } from './process-definition.js';
import { InstanceMoved, InstanceRun, isNobodysFault } from './instance-run.js';
import { tellOfFailure, tellOfStep } from './process-metrics.js';
import { type Claimed, ProcessRows, type Released } from './process-rows.js';
import type { ProcessFailure, ProcessWork } from './process-work.js';
import { type Leave, releaseOf } from './release-of.js';
import { Releases } from './releases.js';

/** How a process works on instances. */
export interface WorkerSettings {
  /** Instances at a time. */
  readonly concurrency: number;
  /** After which another process takes over what this one does not give back. */
  readonly leaseMs: number;
  /** How often to look when nobody has said that something is due: for what other processes have set. */
  readonly sweepMs: number;
}

/** Somebody else works on it, and has the lease by now, or is about to end. */
const MOVED = { firstMs: 50, mostMs: 50 };
const INTERRUPTED = { firstMs: 100, mostMs: 2_000 };
const LOOKS_A_LEASE = 3;

export class ProcessWorker {
  private readonly owner = newId();
  private readonly rows: ProcessRows;
  private readonly releases: Releases;
  private readonly signal = new Signal();
  private readonly running = new Map<Claimed, Promise<void>>();
  private stopping = false;
  private prolonging: NodeJS.Timeout | undefined;
  private ended: Promise<void> = Promise.resolve();
  private troubles = 0;

  constructor(
    private readonly work: ProcessWork,
    private readonly settings: WorkerSettings,
  ) {
    this.rows = new ProcessRows(work.database);
    this.releases = new Releases((released) => this.rows.release(this.owner, released));
  }

  start(): void {
    withoutTrace(() => {
      const { leaseMs } = this.settings;
      this.prolonging = setInterval(() => void this.prolong(), leaseMs / LOOKS_A_LEASE);
      this.ended = this.loop();
    });
  }

  /** Something may be due. */
  wake(): void {
    this.signal.raise();
  }

  /** Ends each instance after the step in hand, and gives it back. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.signal.raise();
    await this.ended;
    await Promise.all(this.running.values());
    clearInterval(this.prolonging);
  }

  private async loop(): Promise<void> {
    while (!this.stopping) {
      const { seen } = this.signal;
      const rest = await this.look();
      if (rest > 0) await this.signal.wait(seen, rest);
    }
  }

  /** Takes what is due, as far as there is room; answers how long there is nothing to do unless something is said. */
  private async look(): Promise<number> {
    const { concurrency, leaseMs, sweepMs } = this.settings;
    const free = concurrency - this.running.size;
    // Many at a time: a statement for each would cost more than the work.
    if (free < Math.min(concurrency / 4, this.running.size)) return sweepMs;
    try {
      const claimed = await this.rows.claim(this.work.definitions.known, this.owner, leaseMs, free);
      for (const one of claimed) this.begin(one);
      this.troubles = 0;
      if (claimed.length === free) return this.running.size < concurrency ? 0 : sweepMs;
      return Math.min(sweepMs, Math.ceil((await this.rows.nextDueIn()) ?? sweepMs));
    } catch (error) {
      this.work.report({ process: '', error, outcome: 'interrupted' });
      return delayOf(INTERRUPTED, (this.troubles += 1));
    }
  }

  private begin(claimed: Claimed): void {
    const running = this.run(claimed).finally(() => {
      this.running.delete(claimed);
      this.signal.raise();
    });
    this.running.set(claimed, running);
  }

  private async run(claimed: Claimed): Promise<void> {
    try {
      const released = await runInTenant(claimed.tenant, () => this.runSteps(claimed));
      await this.releases.add(released);
    } catch (error) {
      // Its lease ends by itself.
      this.tell(claimed, error, 'interrupted');
    }
  }

  private async runSteps(claimed: Claimed): Promise<Released> {
    let run: InstanceRun | undefined;
    try {
      run = new InstanceRun(this.work, claimed);
      await run.load();
      while (!this.stopping) {
        if (!(await tellOfStep(claimed.process, run))) return releaseOf(claimed, run, { attempts: 0 });
      }
      return releaseOf(claimed, run, { attempts: 0, due: new Date(0) });
    } catch (error) {
      return releaseOf(claimed, run, await this.failed(claimed, run, error));
    }
  }

  private async failed(claimed: Claimed, run: InstanceRun | undefined, error: unknown): Promise<Leave> {
    const before = run?.hasMoved ? 0 : claimed.attempts;
    if (error instanceof InstanceMoved) return { attempts: before, due: later(claimed, delayOf(MOVED, 1)) };
    const reason = reasonOf(error);
    if (isNobodysFault(error)) {
      this.tell(claimed, error, 'interrupted');
      return { attempts: before, reason, due: later(claimed, delayOf(INTERRUPTED, before + 2)) };
    }
    const attempts = before + 1;
    if (run?.mayQuarantine(attempts) && (await this.quarantine(claimed, run, { reason, attempts }))) {
      this.tell(claimed, error, 'quarantined');
      return { attempts, reason };
    }
    this.tell(claimed, error, 'retrying');
    return { attempts, reason, due: later(claimed, delayOf(run?.definition.retry ?? RETRY, attempts)) };
  }

  /** False: it could not be recorded; the next attempt ends in it as well. */
  private async quarantine(
    claimed: Claimed,
    run: InstanceRun,
    { reason, attempts }: { readonly reason: string; readonly attempts: number },
  ): Promise<boolean> {
    try {
      await run.quarantine(reason, attempts);
      return true;
    } catch (error) {
      this.tell(claimed, error, 'interrupted');
      return false;
    }
  }

  private tell({ process, tenant, instance }: Claimed, error: unknown, outcome: ProcessFailure['outcome']): void {
    tellOfFailure(process, outcome);
    this.work.report({ process, tenantId: tenant, instanceId: instance, error, outcome });
  }

  private async prolong(): Promise<void> {
    const held = [...this.running.keys()];
    if (held.length === 0) return;
    try {
      await this.rows.prolong(this.owner, this.settings.leaseMs, held);
    } catch (error) {
      this.work.report({ process: '', error, outcome: 'interrupted' });
    }
  }
}

function later({ now }: Claimed, milliseconds: number): Date {
  return new Date(now().getTime() + milliseconds);
}
