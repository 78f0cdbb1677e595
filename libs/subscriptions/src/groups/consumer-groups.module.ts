// Nest wiring of consumer groups: classes marked with @ConsumerGroup take part with the app, and leave with it.
import {
  type DynamicModule,
  Injectable,
  Logger,
  Module,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
  type Type,
} from '@nestjs/common';
import { DiscoveryModule, DiscoveryService } from '@nestjs/core';
import { Database } from '@concord/database';
import { EventStore } from '@concord/event-store';
import { type ConsumerGroupDefinition, consumerGroupOf } from './consumer-group.js';
import { ConsumerGroups, type GroupFailure, type GroupMembership } from './consumer-groups.js';
import { PostgresConsumerGroups } from './postgres-consumer-groups.js';

/** Whether this process takes part in groups; `false` for command-line tools. */
export class GroupMembershipSettings {
  constructor(readonly run: boolean) {}
}

@Injectable()
export class GroupMemberships implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger('ConsumerGroups');
  private readonly memberships: GroupMembership[] = [];

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly groups: ConsumerGroups,
    private readonly settings: GroupMembershipSettings,
  ) {}

  /** Errors: two groups of one name, and those of ConsumerGroups.join. */
  async onApplicationBootstrap(): Promise<void> {
    const definitions = this.definitions();
    if (!this.settings.run) return;
    try {
      for (const { options, handle } of definitions) {
        this.memberships.push(await this.groups.join(options, handle, (failure) => this.tell(failure)));
      }
    } catch (error) {
      // An app that does not start is not stopped either.
      await this.onModuleDestroy();
      throw error;
    }
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all(this.memberships.map((membership) => membership.leave()));
  }

  private definitions(): ConsumerGroupDefinition[] {
    const found = new Map<string, ConsumerGroupDefinition>();
    for (const { metatype, instance } of this.discovery.getProviders()) {
      if (typeof metatype !== 'function' || !instance) continue;
      const definition = consumerGroupOf(metatype as Type, instance as object);
      if (!definition) continue;
      const { name } = definition.options;
      if (found.has(name)) throw new Error(`two consumer groups are called "${name}": rename one`);
      found.set(name, definition);
    }
    return [...found.values()];
  }

  private tell({ error, event, ...failure }: GroupFailure): void {
    const place = event && { tenantId: event.metadata.tenantId, stream: event.stream, eventId: event.id };
    const text = `consumer group ${failure.group}: ${failure.outcome}`;
    // What is tried again is nothing to get up for at night.
    if (failure.outcome === 'parked') this.logger.error({ ...failure, ...place, err: error }, text);
    else this.logger.warn({ ...failure, ...place, err: error }, text);
  }
}

/** Finds the classes marked with @ConsumerGroup and has this process take part in their groups. */
@Module({})
export class ConsumerGroupsModule {
  /** Once, in the app's root module. `run: false`: this process only looks. Needs a global Database and EventStore. */
  static forRoot(options: { readonly run?: boolean } = {}): DynamicModule {
    return {
      module: ConsumerGroupsModule,
      global: true,
      imports: [DiscoveryModule],
      providers: [
        GroupMemberships,
        { provide: GroupMembershipSettings, useValue: new GroupMembershipSettings(options.run ?? true) },
        {
          provide: ConsumerGroups,
          useFactory: (store: EventStore, database: Database) => new PostgresConsumerGroups(store, database),
          inject: [EventStore, Database],
        },
      ],
      exports: [ConsumerGroups],
    };
  }
}
