// Nest wiring of the watch over the feed: it starts and stops with the app. For stores on PostgreSQL.
import { type DynamicModule, Inject, Module, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Database } from '@concord/database';
import { FeedHorizon } from './postgres/feed-horizon.js';
import { type FeedThresholds, FeedWatch } from './postgres/feed-watch.js';

/** Watches over the feed for as long as the app runs. */
@Module({})
export class FeedWatchModule implements OnApplicationBootstrap, OnModuleDestroy {
  constructor(@Inject(FeedWatch) private readonly watch: FeedWatch) {}

  /** A FeedWatch, for health checks and metrics. Needs a global Database. */
  static forRoot(thresholds: FeedThresholds = {}): DynamicModule {
    return {
      module: FeedWatchModule,
      global: true,
      providers: [
        {
          provide: FeedWatch,
          useFactory: (database: Database) => new FeedWatch(new FeedHorizon(database), thresholds),
          inject: [Database],
        },
      ],
      exports: [FeedWatch],
    };
  }

  onApplicationBootstrap(): void {
    this.watch.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.watch.stop();
  }
}
