// Nest wiring of process managers: classes marked with @ProcessManager are found among the providers of any module.
import {
  type DynamicModule,
  Injectable,
  Logger,
  Module,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { DiscoveryModule, DiscoveryService } from '@nestjs/core';
import { CommandBus } from '@nestjs/cqrs';
import { Database } from '@concord/database';
import { EventStore } from '@concord/event-store';
import { PostgresConsumerGroups } from '@concord/subscriptions';
import type { WorkerSettings } from './process-worker.js';
import type { ProcessFailure } from './process-work.js';
import { ProcessRuntime } from './process-runtime.js';
import { Processes } from './processes.js';

/** How an app runs its process managers. */
export interface ProcessManagersOptions extends Partial<WorkerSettings> {
  /** `false`: this process only looks, as command-line tools do. */
  readonly run?: boolean;
}

export class ProcessSettings {
  constructor(readonly options: ProcessManagersOptions) {}
}

/** What this app gives to process managers. */
@Injectable()
export class AppGround {
  constructor(
    readonly store: EventStore,
    readonly database: Database,
    readonly commands: CommandBus,
  ) {}
}

@Injectable()
export class ProcessManagers implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger('ProcessManagers');
  private runtime: ProcessRuntime | undefined;

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly ground: AppGround,
    private readonly settings: ProcessSettings,
  ) {}

  /** Errors: InvalidArgument for declarations that cannot work, and those of ConsumerGroups.join. */
  async onApplicationBootstrap(): Promise<void> {
    const { store, database, commands } = this.ground;
    const { run = true, ...settings } = this.settings.options;
    const runtime = new ProcessRuntime(
      {
        store,
        database,
        groups: new PostgresConsumerGroups(store, database),
        commands,
        report: (failure) => this.tell(failure),
      },
      this.providers(),
      settings,
    );
    if (!run || runtime.isEmpty) return;
    if (!ProcessRuntime.isPossibleOn(store)) {
      this.logger.error(
        'process managers need a store whose event ids are unique (PostgreSQL): those of this app do not run here',
      );
      return;
    }
    this.runtime = runtime;
    try {
      await runtime.start();
    } catch (error) {
      // An app that does not start is not stopped either.
      await runtime.stop();
      throw error;
    }
  }

  async onModuleDestroy(): Promise<void> {
    await this.runtime?.stop();
  }

  /** Something may be due. */
  wake(): void {
    this.runtime?.wake();
  }

  private providers(): object[] {
    const found = this.discovery.getProviders().flatMap(({ metatype, instance }) => {
      const made: unknown = typeof metatype === 'function' ? instance : undefined;
      return typeof made === 'object' && made !== null ? [made] : [];
    });
    return [...new Set(found)];
  }

  private tell({ error, ...failure }: ProcessFailure): void {
    const text = `process manager ${failure.process}: ${failure.outcome}`;
    // What is tried again is nothing to get up for at night.
    if (failure.outcome === 'quarantined') this.logger.error({ ...failure, err: error }, text);
    else this.logger.warn({ ...failure, err: error }, text);
  }
}

/** Finds the classes marked with @ProcessManager and has this process work on their instances. */
@Module({})
export class ProcessManagersModule {
  /** Once, in the app's root module. Needs a global Database, EventStore and CommandBus. */
  static forRoot(options: ProcessManagersOptions = {}): DynamicModule {
    return {
      module: ProcessManagersModule,
      global: true,
      imports: [DiscoveryModule],
      providers: [
        AppGround,
        ProcessManagers,
        { provide: ProcessSettings, useValue: new ProcessSettings(options) },
        {
          provide: Processes,
          useFactory: (store: EventStore, database: Database, managers: ProcessManagers) =>
            new Processes(store, database, () => managers.wake()),
          inject: [EventStore, Database, ProcessManagers],
        },
      ],
      exports: [Processes],
    };
  }
}
