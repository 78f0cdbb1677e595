// The bank with its doors: REST, GraphQL and health. The root module of the process that serves.
import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER, APP_INTERCEPTOR, APP_PIPE } from '@nestjs/core';
import { TwoPhaseModule } from '@concord/coordination';
import { FeedWatchModule } from '@concord/event-store';
import { LoggerModule } from 'nestjs-pino';
import { BankModule, type BankOptions } from './bank.module.js';
import { HealthModule } from './health/health.module.js';
import { Drain } from './http/drain.js';
import { graphQL } from './http/graphql.js';
import { GraphQLPosition } from './http/graphql-position.js';
import { InputPipe } from './http/input.pipe.js';
import { loggingOptions } from './http/logging.js';
import { ProblemFilter } from './http/problem.filter.js';
import { HttpSettings } from './http/settings.js';
import { SharedModule } from './http/shared.module.js';
import { TenantContextInterceptor } from './http/tenant-context.interceptor.js';
import { LedgerApiModule } from './ledger/api/ledger-api.module.js';
import { LoansApiModule } from './loans/api/loans-api.module.js';

@Module({})
export class BankHttpModule {
  static forRoot(options: BankOptions, settings: HttpSettings): DynamicModule {
    return {
      module: BankHttpModule,
      imports: [
        SharedModule.of(settings),
        LoggerModule.forRoot(loggingOptions(settings.logLevel)),
        BankModule.forRoot(options),
        FeedWatchModule.forRoot({ delayedAfterMs: settings.feedDelayed, stalledAfterMs: settings.feedStalled }),
        graphQL(),
        // Where the partner asks what was decided.
        ...(options.partner ? [TwoPhaseModule.forCoordinator({ secrets: [options.partner.secret] })] : []),
        LedgerApiModule,
        LoansApiModule,
        HealthModule,
      ],
      providers: [
        Drain,
        { provide: APP_FILTER, useClass: ProblemFilter },
        { provide: APP_INTERCEPTOR, useClass: TenantContextInterceptor },
        { provide: APP_INTERCEPTOR, useClass: GraphQLPosition },
        { provide: APP_PIPE, useClass: InputPipe },
      ],
    };
  }
}
