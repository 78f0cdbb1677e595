// Nest wiring of the door, on either side of the protocol.
import {
  type DynamicModule,
  Inject,
  type MiddlewareConsumer,
  Module,
  type NestModule,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { InvalidArgument } from '@concord/kernel';
import { TransactionCoordinator } from '../transaction-coordinator.js';
import { TwoPhaseDoor } from './door.js';
import { ServiceParticipant } from './service-participant.js';
import { assertSecret } from './signature.js';
import { TwoPhaseService, type TwoPhaseServiceOptions } from './two-phase-service.js';

const DOOR = Symbol('TwoPhaseDoor');
const RUNNING = Symbol('TwoPhaseRunning');

/** What starts with the app and stops before its database is closed. */
interface Running {
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Serves `/2pc/...` and runs recovery. */
@Module({})
export class TwoPhaseModule implements NestModule, OnApplicationBootstrap, OnModuleDestroy {
  constructor(
    @Inject(DOOR) private readonly door: TwoPhaseDoor,
    @Inject(RUNNING) private readonly running: Running,
  ) {}

  /**
   * A service that takes part in transactions of others. Needs a global provider of ServiceParticipant. `secrets`: any of them
   * signs. Errors: InvalidArgument, for a secret that could be guessed.
   */
  static forService(options: TwoPhaseServiceOptions & { readonly secrets: readonly string[] }): DynamicModule {
    assertSecrets(options.secrets);
    return {
      module: TwoPhaseModule,
      providers: [
        {
          provide: DOOR,
          useFactory: (participant: ServiceParticipant) => new TwoPhaseDoor({ secrets: options.secrets, participant }),
          inject: [ServiceParticipant],
        },
        {
          provide: RUNNING,
          useFactory: (participant: ServiceParticipant) => new TwoPhaseService(participant, options),
          inject: [ServiceParticipant],
        },
      ],
    };
  }

  /**
   * A coordinator, whom services may ask for outcomes. Needs a global provider of TransactionCoordinator, which starts and
   * stops with the app. Errors: as of forService.
   */
  static forCoordinator({ secrets }: { readonly secrets: readonly string[] }): DynamicModule {
    assertSecrets(secrets);
    return {
      module: TwoPhaseModule,
      providers: [
        {
          provide: DOOR,
          useFactory: (coordinator: TransactionCoordinator) => new TwoPhaseDoor({ secrets, coordinator }),
          inject: [TransactionCoordinator],
        },
        { provide: RUNNING, useExisting: TransactionCoordinator },
      ],
    };
  }

  configure(consumer: MiddlewareConsumer): void {
    const handle = (request: IncomingMessage & { originalUrl?: string }, response: ServerResponse): void => {
      const path = (request.originalUrl ?? request.url ?? '').split('?')[0] ?? '';
      void this.door.handle(request, response, path);
    };
    consumer.apply(handle).forRoutes('2pc/*action');
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.running.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.running.stop();
  }
}

function assertSecrets(secrets: readonly string[]): void {
  if (secrets.length === 0) throw new InvalidArgument('two-phase commit over HTTP needs a secret');
  for (const secret of secrets) assertSecret(secret);
}
