// The command pipeline through Nest's CommandBus, on the store in memory. Concurrency on PostgreSQL: test/concurrency.
import { Global, Injectable, Module, Scope } from '@nestjs/common';
import { Command, CommandBus, CommandHandler } from '@nestjs/cqrs';
import { Test } from '@nestjs/testing';
import { CommitUnknown, DatabaseUnavailable, TransientConflict } from '@concord/database';
import { AggregateRoot, ensure, invariant, InvariantBroken } from '@concord/domain';
import { EventStore, MemoryEventStore } from '@concord/event-store';
import { type DomainEvent, InvalidArgument, newId, runInMessage } from '@concord/kernel';
import { runInTenant, TenantMissing } from '@concord/tenancy';
import { Aggregates, CommandingModule, DomainCommand, type Handles } from './index.js';

type Added = DomainEvent<'Added', { by: number }>;
const small = invariant<number>({
  name: 'small',
  kind: 'state',
  holds: (n) => n < 100,
  reason: (n) => `${n} is too much`,
});

class Sum extends AggregateRoot<Added, number> {
  static readonly category = 'sum';
  add(by: number): void {
    ensure(small, this.state + by);
    if (by > 0) this.record({ type: 'Added', data: { by } });
  }
  protected override initialState = (): number => 0;
  protected override evolve = (state: number, event: Added): number => state + event.data.by;
}

class Add extends DomainCommand<{ ids: string[]; by: number }, number> {}
class Nested extends DomainCommand<null> {}
class Plain extends Command<string> {}

@CommandHandler(Add)
class AddHandler implements Handles<Add> {
  constructor(private readonly aggregates: Aggregates) {}
  async execute({ order }: Add): Promise<number> {
    const sums = await this.aggregates.loadAll(Sum, order.ids);
    for (const sum of sums) sum.add(order.by);
    return sums[0]!.state;
  }
}

@CommandHandler(Nested)
class NestedHandler implements Handles<Nested> {
  constructor(private readonly bus: CommandBus) {}
  async execute(): Promise<void> {
    await this.bus.execute(new Add({ ids: ['x'], by: 1 }));
  }
}

@CommandHandler(Plain)
class PlainHandler {
  execute = (): Promise<string> => Promise.resolve('not ours');
}

/** Fails in chosen ways, before or after what it wraps has been committed. */
class UnreliableStore extends MemoryEventStore {
  before: Error[] = [];
  after: Error[] = [];
  override async transaction<T>(work: () => Promise<T>): Promise<T> {
    const outer = this.depth++ === 0;
    try {
      const early = outer && this.before.shift();
      if (early) throw early;
      const result = await super.transaction(work);
      const late = outer && this.after.shift();
      if (late) throw late;
      return result;
    } finally {
      this.depth -= 1;
    }
  }
  private depth = 0;
}

const store = new UnreliableStore();

async function boot(providers: unknown[], commands = [Add, Nested]) {
  @Global()
  @Module({ providers: [{ provide: EventStore, useValue: store }], exports: [EventStore] })
  class StoreModule {}
  const imports = [StoreModule, CommandingModule.forRoot(), CommandingModule.forContext(commands)];
  const module = await Test.createTestingModule({ imports, providers: providers as never[] }).compile();
  module.useLogger(false);
  await module.init();
  return module;
}

describe('commanding', () => {
  let bus: CommandBus;
  beforeAll(async () => {
    bus = (await boot([AddHandler, NestedHandler, PlainHandler])).get(CommandBus);
  });
  const send = (command: DomainCommand<unknown, number>) => runInTenant('t-1', () => bus.execute(command));
  const stored = (id: string) => runInTenant('t-1', () => Array.fromAsync(store.readStream(`sum-${id}`)));

  it('answers with the new positions and what the handler returned', async () => {
    const [a, b] = [newId(), newId()];
    const first = await send(new Add({ ids: [a, b], by: 2 }));
    expect(first).toMatchObject({
      streams: [
        { stream: `sum-${a}`, revision: 0n },
        { stream: `sum-${b}`, revision: 0n },
      ],
      value: 2,
      repeated: false,
    });
    const second = await send(new Add({ ids: [a], by: 3 }));
    expect(second).toMatchObject({ streams: [{ revision: 1n }], value: 5 });
    expect(second.position!).toBeGreaterThan(first.position!);
  });

  it('answers without a position when nothing was decided', async () => {
    const outcome = await send(new Add({ ids: [newId()], by: 0 }));
    expect(outcome).toEqual({ streams: [], position: undefined, value: 0, repeated: false });
  });

  it('lets the name and reason of a broken invariant through, and changes nothing', async () => {
    const [a, b] = [newId(), newId()];
    await send(new Add({ ids: [b], by: 60 }));
    const refused = send(new Add({ ids: [a, b], by: 50 }));
    await expect(refused).rejects.toThrow(InvariantBroken);
    await expect(refused).rejects.toMatchObject({ invariant: 'small', kind: 'state', message: '110 is too much' });
    expect(await stored(a)).toEqual([]);
    expect(await stored(b)).toHaveLength(1);
  });

  it('writes correlation, and the id of the command as causation, into every event', async () => {
    const id = newId();
    await runInMessage({ correlationId: 'c-9' }, () => send(new Add({ ids: [id], by: 1 }, 'cmd-9')));
    expect((await stored(id))[0]!.metadata).toMatchObject({
      correlationId: 'c-9',
      causationId: 'cmd-9',
      tenantId: 't-1',
    });
  });

  it('applies a command id once, and answers the same again', async () => {
    const ids = Array.from({ length: 10 }, () => newId());
    const command = new Add({ ids, by: 1 }, newId());
    const first = await send(command);
    const again = await send(command);
    expect(again).toEqual({ ...first, value: undefined, repeated: true });
    for (const id of ids) expect(await stored(id)).toHaveLength(1);
  });

  it('applies a command id once, sent twenty times at once, though its twin would be refused', async () => {
    const id = newId();
    const command = new Add({ ids: [id], by: 60 }, newId());
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => send(command)));
    expect(outcomes.filter((outcome) => !outcome.repeated)).toHaveLength(1);
    expect(new Set(outcomes.map((outcome) => outcome.position))).toHaveProperty('size', 1);
    expect(await stored(id)).toHaveLength(1);
  });

  it('keeps command ids of tenants apart', async () => {
    const [id, commandId] = [newId(), newId()];
    for (const tenant of ['t-1', 't-2']) {
      const outcome = await runInTenant(tenant, () => bus.execute(new Add({ ids: [id], by: 1 }, commandId)));
      expect(outcome.repeated).toBe(false);
    }
  });

  it('runs again after a passing conflict, a bounded number of times', async () => {
    const id = newId();
    store.before = [new TransientConflict('deadlock'), new TransientConflict('deadlock')];
    await expect(send(new Add({ ids: [id], by: 1 }))).resolves.toMatchObject({ value: 1 });
    store.before = Array.from({ length: 6 }, () => new TransientConflict('deadlock'));
    await expect(send(new Add({ ids: [id], by: 1 }))).rejects.toThrow('deadlock');
    expect(await stored(id)).toHaveLength(1);
    expect(store.before).toEqual([]);
  });

  it('looks before it repeats when the answer to a commit was lost', async () => {
    const id = newId();
    store.after = [new CommitUnknown('connection lost')];
    const outcome = await send(new Add({ ids: [id], by: 1 }));
    expect(outcome).toMatchObject({ streams: [{ revision: 0n }], repeated: true });
    expect(await stored(id)).toHaveLength(1);
  });

  it('says that it does not know, when it cannot look either', async () => {
    const { findEvents } = store;
    store.findEvents = () => Promise.reject(new DatabaseUnavailable('gone'));
    store.after = [new CommitUnknown('connection lost')];
    try {
      await expect(send(new Add({ ids: [newId()], by: 1 }))).rejects.toThrow(CommitUnknown);
    } finally {
      store.findEvents = findEvents;
    }
  });

  it('refuses a command without tenant, a handler that sends commands, and a bad command id', async () => {
    await expect(bus.execute(new Add({ ids: ['x'], by: 1 }))).rejects.toThrow(TenantMissing);
    await expect(runInTenant('t-1', () => bus.execute(new Nested(null)))).rejects.toThrow(/does not send commands/);
    await expect(send(new Add({ ids: ['x'], by: 1 }, ''))).rejects.toThrow(InvalidArgument);
    await expect(new Aggregates().load(Sum, 'x')).rejects.toThrow(/in a command handler/);
  });

  it('leaves commands that are not ours alone', async () => {
    await expect(bus.execute(new Plain())).resolves.toBe('not ours');
  });
});

describe('at boot', () => {
  it('refuses a command without a handler', async () => {
    await expect(boot([AddHandler])).rejects.toThrow(
      /no handler for Nested: add a class with @CommandHandler\(Nested\)/,
    );
  });

  it('refuses a command with two handlers', async () => {
    @CommandHandler(Add)
    class OtherAddHandler extends AddHandler {}
    await expect(boot([AddHandler, OtherAddHandler, NestedHandler])).rejects.toThrow(
      /Add has two handlers, AddHandler and OtherAddHandler/,
    );
  });

  it('refuses a request-scoped handler', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class PerRequest {}
    @CommandHandler(Nested)
    class ScopedHandler {
      constructor(readonly dependency: PerRequest) {}
      execute = () => Promise.resolve();
    }
    await expect(boot([PerRequest, AddHandler, ScopedHandler])).rejects.toThrow(/handler of Nested is request-scoped/);
  });
});
