// Read your own writes: waits until read models show a position. However many wait, one clock looks for all of them, with
// one statement for each projection and tenant that somebody waits for, one after the other: at most one connection. What this
// process has projected itself it knows at once.
import { AsyncLocalStorage } from 'node:async_hooks';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { EventStore } from '@concord/event-store';
import type { GlobalPosition } from '@concord/kernel';
import { Signal } from '@concord/subscriptions';
import { currentTenant, runInTenant } from '@concord/tenancy';
import { ProjectionRegistry } from './projection-registry.js';
import { Projections } from './projections.js';

// Looks come at doubling distances, and close again when something was appended or somebody new waits.
const FIRST_MS = 4;
const SELDOM_MS = 50;

interface Waiter {
  readonly position: GlobalPosition;
  readonly deadline: number;
  readonly settle: (isShown: boolean) => void;
  readonly fail: (error: unknown) => void;
}

/** All who wait for one thing to reach a position. */
interface Line extends Reading {
  readonly waiters: Set<Waiter>;
}

/** How it is learned how far something has come. */
interface Reading {
  readonly read: () => Promise<GlobalPosition>;
  /** Without asking, by this process alone. */
  readonly known?: () => GlobalPosition;
  /** Raised when that may be more. */
  readonly advanced?: Signal;
}

/** Waits for positions. */
@Injectable()
export class PositionWaits implements OnModuleDestroy {
  private readonly lines = new Map<string, Line>();
  private readonly hint = new Signal();
  private appended: GlobalPosition = 0n;
  private running: Promise<void> | undefined;
  private isStopped = false;
  private stopListening: (() => void) | undefined;
  /** The clock must not carry along the tenant, trace or transaction of whoever waits first. */
  private readonly outside = AsyncLocalStorage.snapshot();

  constructor(
    private readonly registry: ProjectionRegistry,
    private readonly projections: Projections,
    private readonly store: EventStore,
  ) {}

  async onModuleDestroy(): Promise<void> {
    this.isStopped = true;
    this.stopListening?.();
    this.hint.raise();
    await this.running;
  }

  /**
   * Waits until all of these projections show everything up to a position that a command answered, for the running tenant.
   * False: not within the time. Asynchronous ones show it when their checkpoint is there, which only passes what is
   * settled: also when events before it are still being committed. Inline ones show it once it is appended. Errors:
   * InvalidArgument for an unknown name; DatabaseUnavailable.
   */
  async until(position: GlobalPosition, names: readonly string[], milliseconds: number): Promise<boolean> {
    const deadline = Date.now() + milliseconds;
    const behind = names.filter((name) => this.isBehindCommands(name));
    const tenant = currentTenant();
    // Without this a position that was never given would seem to be shown by what is inline.
    const appended = { read: () => this.readAppended() };
    if (this.appended < position && !(await this.inLine('', appended, { position, deadline }))) {
      return false;
    }
    const shown = await Promise.all(
      behind.map(async (name) => {
        const known = (): GlobalPosition => runInTenant(tenant, () => this.projections.knownPosition(name));
        if (known() >= position) return true;
        const read = (): Promise<GlobalPosition> => runInTenant(tenant, () => this.projections.position(name));
        const reading = { read, known, advanced: this.projections.advanced(name) };
        return this.inLine(`${tenant}\n${name}`, reading, { position, deadline });
      }),
    );
    return shown.every(Boolean);
  }

  /** How many wait at present. */
  get waiting(): number {
    return [...this.lines.values()].reduce((sum, { waiters }) => sum + waiters.size, 0);
  }

  private isBehindCommands(name: string): boolean {
    const { consistency } = this.registry.get(name);
    return consistency !== 'inline' || !this.store.capabilities.sameTransactionAsReadModels;
  }

  /** For a moment at most: a position that was appended stays so, and one that was never given is nobody's. */
  private async readAppended(): Promise<GlobalPosition> {
    this.appended = await this.store.lastPosition();
    return this.appended;
  }

  private inLine(
    name: string,
    reading: Reading,
    { position, deadline }: Pick<Waiter, 'position' | 'deadline'>,
  ): Promise<boolean> {
    return new Promise((settle, fail) => {
      const line = this.lines.get(name) ?? this.outside(() => this.newLine(name, reading));
      line.waiters.add({ position, deadline, settle, fail });
      this.hint.raise();
      this.running ??= this.outside(() => this.run());
    });
  }

  private newLine(name: string, reading: Reading): Line {
    const line = { ...reading, waiters: new Set<Waiter>() };
    this.lines.set(name, line);
    void this.hear(name, line);
    return line;
  }

  /** Tells them what this process knows, when it comes to know it. */
  private async hear(name: string, { waiters, known, advanced }: Line): Promise<void> {
    if (!known || !advanced) return;
    do {
      const { seen } = advanced;
      await advanced.wait(seen, SELDOM_MS);
      if (waiters.size > 0) settleUpTo(known(), waiters);
    } while (this.lines.get(name)?.waiters === waiters);
  }

  private async run(): Promise<void> {
    this.stopListening ??= this.store.onAppended(() => this.hint.raise());
    for (let pause = FIRST_MS; this.lines.size > 0;) {
      const { seen } = this.hint;
      for (const [name, line] of [...this.lines]) {
        if (line.waiters.size > 0) await this.look(line);
        if (line.waiters.size === 0) this.lines.delete(name);
      }
      if (this.lines.size === 0) break;
      await this.rest(seen, pause);
      pause = this.hint.seen === seen ? Math.min(pause * 2, SELDOM_MS) : FIRST_MS;
    }
    this.running = undefined;
  }

  private async look({ read, waiters }: Line): Promise<void> {
    // Who comes while it reads has a look to come.
    const those = [...waiters];
    try {
      const position = this.isStopped ? -1n : await read();
      const now = Date.now();
      for (const waiter of those) {
        if (waiter.position > position && waiter.deadline > now && !this.isStopped) continue;
        waiters.delete(waiter);
        waiter.settle(waiter.position <= position);
      }
    } catch (error) {
      for (const waiter of those) {
        waiters.delete(waiter);
        waiter.fail(error);
      }
    }
  }

  /**
   * Until the next look is due, somebody's time is over, or something was appended or somebody came. Never shorter than the
   * shortest pause, or each of a thousand who come one after the other would have a look of its own.
   */
  private async rest(seen: number, pause: number): Promise<void> {
    const deadlines = [...this.lines.values()].flatMap(({ waiters }) => [...waiters].map(({ deadline }) => deadline));
    const untilFirst = deadlines.reduce((first, deadline) => Math.min(first, deadline), Infinity) - Date.now();
    const least = new Promise<void>((resolve) => setTimeout(resolve, FIRST_MS));
    await Promise.all([least, this.hint.wait(seen, Math.max(0, Math.min(pause, untilFirst)))]);
  }
}

function settleUpTo(position: GlobalPosition, waiters: Set<Waiter>): void {
  for (const waiter of waiters) {
    if (waiter.position > position) continue;
    waiters.delete(waiter);
    waiter.settle(true);
  }
}
