// Commands whose handlers are under @Transactional, sent through the CommandBus of an app.
import { CommandBus } from '@nestjs/cqrs';
import { Test, type TestingModule } from '@nestjs/testing';
import { CommandIdReused, CommandingModule } from '@concord/commanding';
import {
  RemoteParticipant,
  TransactionalWork,
  TransactionCoordinator,
  TransactionsModule,
} from '@concord/coordination';
import { EventStore, MemoryEventStore } from '@concord/event-store';
import { InvariantBroken } from '@concord/domain';
import { Module, type Provider } from '@nestjs/common';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import { eventsOf, fill, inTenant, openSide, type Side, type TestStores, twoDatabases } from './kit.js';
import { SendMoney, SendMoneyHandler } from './send-money.js';
import { type RunningService, SECRET, SERVICE, startService } from './service.js';

let stores: TestStores;
let other: TestDatabase;
let service: RunningService;
let side: Side;
let app: TestingModule;

@Module({ providers: [{ provide: EventStore, useFactory: () => new MemoryEventStore() }], exports: [EventStore] })
class StoreModule {}

async function appWith(coordinator: TransactionCoordinator, ...providers: Provider[]): Promise<TestingModule> {
  const built = await Test.createTestingModule({
    imports: [
      { module: StoreModule, global: true },
      CommandingModule.forRoot(),
      TransactionsModule.forRoot({ useFactory: () => coordinator }),
      CommandingModule.forContext([SendMoney]),
    ],
    providers,
  }).compile();
  return built.init();
}

beforeAll(async () => {
  [stores, other] = [await twoDatabases(), await createTestDatabase()];
  service = await startService(other.url, { coordinatorUrl: 'http://127.0.0.1:9' });
  const remote = new RemoteParticipant({ name: SERVICE, url: service.url, secret: SECRET });
  side = await openSide(stores.urls, { others: [remote] });
  app = await appWith(side.coordinator, SendMoneyHandler);
  await fill(side, 'a', 'payer', 100n);
});
afterAll(async () => {
  await app.close();
  await side.close();
  await service.close();
  await Promise.all([stores.drop(), other.drop()]);
});

const send = (order: SendMoney['order'], id?: string) =>
  inTenant(() => app.get(CommandBus).execute(new SendMoney(order, id)));
const order = { from: 'payer', to: 'payee', amount: 10n, fee: 1n };

describe('a handler under @Transactional', () => {
  it('commits in all its participants, and at most once by the id of its command', async () => {
    const sent = await send(order, 'order 4711');
    expect(sent).toMatchObject({
      repeated: false,
      streams: [
        { stream: 'purse-payer', revision: 1n },
        { stream: 'purse-payee', revision: 0n },
      ],
    });
    expect(await send(order, 'order 4711')).toMatchObject({ repeated: true, streams: sent.streams });
    expect([
      await eventsOf(side.a, 'payer'),
      await eventsOf(side.b, 'payee'),
      await eventsOf(service.opened, 'fees'),
    ]).toEqual([[100n, -11n], [10n], [1n]]);
    const [event] = await inTenant(() => Array.fromAsync(side.b.store.readStream('purse-payee')));
    expect(event?.metadata).toMatchObject({ causationId: 'order 4711', correlationId: 'order 4711' });
  });

  it('is a repeat also where a rule would stand against it by now, and another command under its id is refused', async () => {
    await send({ ...order, amount: 70n }, 'order 4712');
    expect(await send({ ...order, amount: 70n }, 'order 4712')).toMatchObject({ repeated: true });
    expect(await eventsOf(side.a, 'payer')).toEqual([100n, -11n, -71n]);
    const print = (text: string) =>
      inTenant(() => app.get(CommandBus).execute(new SendMoney({ ...order, amount: 1n }, 'order 4713', text)));
    await print('one');
    expect(await print('one')).toMatchObject({ repeated: true });
    await expect(print('another')).rejects.toThrow(CommandIdReused);
  });

  it('changes nothing where an invariant is broken', async () => {
    await expect(send({ ...order, amount: 1000n })).rejects.toThrow(InvariantBroken);
    expect(await eventsOf(side.a, 'payer')).toEqual([100n, -11n, -71n, -2n]);
  });

  it('stops the start where it names a participant that nobody knows', async () => {
    const alone = new TransactionCoordinator({ database: side.a.database, participants: [side.a.participant] });
    await expect(appWith(alone, SendMoneyHandler)).rejects.toThrow(/names the participant "b"/);
  });

  it('is where its work is: elsewhere there is no transaction', () => {
    expect(() => new TransactionalWork().store('a')).toThrow(/put @Transactional/);
  });
});
