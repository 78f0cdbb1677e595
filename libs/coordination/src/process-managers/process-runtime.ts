// All that runs process managers in one process: a consumer group for each of them, and one worker.
import type { Database } from '@concord/database';
import type { EventStore } from '@concord/event-store';
import { InvalidArgument } from '@concord/kernel';
import type { ConsumerGroups, GroupMembership } from '@concord/subscriptions';
import { ProcessDefinitions } from './process-definitions.js';
import { processDefinitionOf } from './process-definition.js';
import { observeInstances } from './process-metrics.js';
import { ProcessRouter } from './process-router.js';
import { ProcessWorker, type WorkerSettings } from './process-worker.js';
import type { CommandSender, ProcessFailure, ProcessWork } from './process-work.js';

/** What process managers run on. */
export interface ProcessGround {
  readonly store: EventStore;
  readonly database: Database;
  readonly groups: ConsumerGroups;
  readonly commands: CommandSender;
  readonly report: (failure: ProcessFailure) => void;
}

const DEFAULTS: WorkerSettings = { concurrency: 32, leaseMs: 10_000, sweepMs: 1000 };
const LIMITS = [
  ['concurrency', 1, 1000],
  ['leaseMs', 100, 3_600_000],
  ['sweepMs', 10, 3_600_000],
] as const;

/** Runs process managers without Nest; with it, ProcessManagersModule does. What is no process manager is passed over. */
export class ProcessRuntime {
  private readonly work: ProcessWork;
  private readonly worker: ProcessWorker;
  private readonly memberships: GroupMembership[] = [];
  private readonly leaseMs: number;
  private hasStarted = false;
  private unobserved: () => void = () => undefined;

  /** Errors: InvalidArgument for a declaration that cannot work, two of one name and version, settings out of bounds. */
  constructor(
    private readonly ground: ProcessGround,
    managers: readonly object[],
    settings: Partial<WorkerSettings> = {},
  ) {
    const { groups: _groups, ...work } = ground;
    const definitions = managers.flatMap((manager) => processDefinitionOf(manager) ?? []);
    this.work = { ...work, definitions: new ProcessDefinitions(definitions) };
    const complete = checked({ ...DEFAULTS, ...settings });
    this.leaseMs = complete.leaseMs;
    this.worker = new ProcessWorker(this.work, complete);
  }

  /** Whether what is refused can be kept from being applied later: see command-delivery.ts. */
  static isPossibleOn({ capabilities }: EventStore): boolean {
    return capabilities.uniqueEventIds && capabilities.findEventsById && capabilities.sameTransactionAsReadModels;
  }

  /** Errors: those of ConsumerGroups.join. */
  async start(): Promise<void> {
    for (const definition of this.work.definitions.newest) {
      const router = new ProcessRouter(this.work, definition, () => this.worker.wake());
      const report = this.work.report;
      const membership = await this.ground.groups.join(
        { ...router.options, leaseMs: this.leaseMs },
        router.handle,
        ({ error }) => report({ process: definition.name, error, outcome: 'interrupted' }),
      );
      this.memberships.push(membership);
    }
    this.unobserved = observeInstances(
      this.work.database,
      this.work.definitions.newest.map(({ name }) => name),
    );
    this.hasStarted = true;
    this.worker.start();
  }

  /** Whether there is any process manager. */
  get isEmpty(): boolean {
    return this.work.definitions.newest.length === 0;
  }

  /** Something may be due. */
  wake(): void {
    this.worker.wake();
  }

  /** Ends each instance after the step in hand, and gives it back. */
  async stop(): Promise<void> {
    this.unobserved();
    await Promise.all(this.memberships.map((membership) => membership.leave()));
    if (this.hasStarted) await this.worker.stop();
  }
}

function checked(settings: WorkerSettings): WorkerSettings {
  for (const [name, least, most] of LIMITS) {
    const value = settings[name];
    if (Number.isInteger(value) && value >= least && value <= most) continue;
    throw new InvalidArgument(`${name} of process managers is a whole number from ${least} to ${most}, not ${value}`);
  }
  return settings;
}
