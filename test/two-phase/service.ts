// A service of another team, as a Nest app of its own: purses that take part in transactions of others, over HTTP.
import { type DynamicModule, Global, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { type ServiceParticipant, ServiceParticipant as Service, TwoPhaseModule } from '@concord/coordination';
import { openStore } from './kit.js';
import { Purse } from './purse.js';

export const SECRET = 'a secret of the tests, which is long enough';
export const SERVICE = 'purse-service';

/** What it can be asked: to put so much into a purse, or take it, or (0) to look at it. */
export interface MoveWork {
  readonly purse: string;
  readonly amount: string;
}

@Global()
@Module({})
class Participants {
  static of(participant: ServiceParticipant): DynamicModule {
    return { module: Participants, providers: [{ provide: Service, useValue: participant }], exports: [Service] };
  }
}

export interface RunningService {
  readonly url: string;
  readonly participant: ServiceParticipant;
  readonly opened: Awaited<ReturnType<typeof openStore>>;
  close(): Promise<void>;
}

/** `coordinatorUrl`: whom it asks what was decided. */
export async function startService(
  databaseUrl: string,
  { coordinatorUrl, port = 0 }: { readonly coordinatorUrl: string; readonly port?: number },
): Promise<RunningService> {
  const opened = await openStore(SERVICE, databaseUrl);
  const participant = new Service(opened.participant, async (work, store) => {
    const { purse, amount } = work as MoveWork;
    const found = await store.load(Purse, purse);
    if (amount !== '0') found.move(BigInt(amount));
  });
  const coordinators = { concord: { url: coordinatorUrl, secret: SECRET } };
  const app = await NestFactory.create<NestFastifyApplication>(
    {
      module: Participants,
      imports: [
        Participants.of(participant),
        TwoPhaseModule.forService({ secrets: [SECRET], coordinators, everyMs: 100, askAfterMs: 500 }),
      ],
    },
    new FastifyAdapter(),
    { logger: false },
  );
  await app.listen(port, '127.0.0.1');
  const close = async (): Promise<void> => {
    await app.close();
    await opened.close();
  };
  return { url: await app.getUrl(), participant, opened, close };
}
