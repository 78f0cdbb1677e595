// Two transactions under one id, of two coordinators: the one that was there first is not touched, in whatever store it is.
import { KurrentParticipant, Participant, ServiceParticipant, TransactionCoordinator } from '@concord/coordination';
import { type EventStore, openKurrentEventStore } from '@concord/event-store';
import { newId } from '@concord/kernel';
import { createTestDatabase } from '@concord/testing';
import { startEventStoreServer } from '../../apps/eventstore/src/start-server.js';
import { inTenant, openStore, preparedLocks, TENANT } from './kit.js';
import { Purse } from './purse.js';

type Opened = Awaited<ReturnType<typeof openStore>>;
type Ref = Parameters<Participant['prepare']>[0];

/** A service, and where its events and its locks are. */
interface Served {
  readonly service: ServiceParticipant;
  readonly store: EventStore;
  readonly opened: Opened;
}

let closing: (() => Promise<void>)[] = [];
const served: Record<string, Served> = {};

beforeAll(async () => {
  const databases = await Promise.all([1, 2, 3].map(() => createTestDatabase()));
  const [own, behind, beside] = databases.map(({ url }) => url) as [string, string, string];
  const environment = { EVENTSTORE_PORT: '0', LOG_LEVEL: 'silent' };
  const server = await startEventStoreServer({ url: behind, environment });
  const [a, k] = [await openStore('a', own), await openStore('beside', beside)];
  const kurrent = await openKurrentEventStore(server.connectionString, { database: k.database, hearOthers: false });
  const { database, locks } = k;
  const participant = new KurrentParticipant({ name: 'k', database, store: kurrent, locks });
  served['PostgreSQL'] = { service: serviceOf(a.participant), store: a.store, opened: a };
  served['KurrentDB'] = { service: serviceOf(participant), store: kurrent, opened: k };
  closing = [() => kurrent.close(), () => server.close(), () => a.close(), () => k.close()];
  closing.push(...databases.map(({ drop }) => drop));
}, 60_000);
afterAll(async () => {
  for (const close of closing) await close();
});

function serviceOf(participant: ConstructorParameters<typeof ServiceParticipant>[0]): ServiceParticipant {
  return new ServiceParticipant(participant, async (asked, store) => {
    const { purse, amount } = asked as { purse: string; amount: string };
    (await store.load(Purse, purse)).move(BigInt(amount));
  });
}

const refOf = (id = newId()): Ref => ({
  id,
  tenant: TENANT,
  coordinator: 'one',
  age: { started: 1n, origin: id },
  patienceMs: 2000,
});

const amounts = async ({ store }: Served, id: string): Promise<string[]> => {
  const events = await inTenant(() => Array.fromAsync(store.readStream(`purse-${id}`)));
  return events.map(({ data }) => (data as { amount: string }).amount);
};

/** A service, asked by a coordinator that has but one id. */
class Reusing extends Participant {
  readonly name: string;
  aborts = 0;

  constructor(
    private readonly service: ServiceParticipant,
    private readonly id: string,
  ) {
    super();
    this.name = service.name;
  }

  override prepare(transaction: Ref, work: unknown): ReturnType<Participant['prepare']> {
    return this.service.prepare({ ...transaction, id: this.id }, work);
  }
  override commit(): Promise<void> {
    return this.service.commit(this.id);
  }
  override abort(transaction: Ref): Promise<void> {
    this.aborts += 1;
    return this.service.abort({ ...transaction, id: this.id });
  }
  override status(): ReturnType<Participant['status']> {
    return this.service.status(this.id);
  }
}

describe.each(['PostgreSQL', 'KurrentDB'])('what is prepared in a store on %s', (name) => {
  const at = (): Served => served[name] as Served;

  it('is no yes to another content', async () => {
    const { service, opened } = at();
    const ref = refOf();
    expect(await service.prepare(ref, { purse: 'x', amount: '1' })).toEqual({ vote: 'yes' });
    expect(await service.prepare(ref, { amount: '1', purse: 'x' })).toEqual({ vote: 'yes' });
    const different = service.prepare(ref, { purse: 'y', amount: '1000' });
    await expect(different).rejects.toMatchObject({ code: 'transaction-id-reused' });
    await service.commit(ref.id);
    expect([await amounts(at(), 'x'), await amounts(at(), 'y'), await preparedLocks(opened)]).toEqual([['1'], [], []]);
  });

  it('outlives the refusal of another coordinator that comes with its id', async () => {
    const { service, opened } = at();
    const ref = refOf();
    expect(await service.prepare(ref, { purse: 'first', amount: '1' })).toEqual({ vote: 'yes' });
    const reusing = new Reusing(service, ref.id);
    const two = new TransactionCoordinator({ database: opened.database, participants: [reusing], name: 'two' });
    const work = { purse: 'second', amount: '5' };
    const said = inTenant(() =>
      two.transaction((transaction) => {
        transaction.enlist(reusing.name, work);
        return Promise.resolve();
      }),
    );
    await expect(said).rejects.toMatchObject({ reason: { kind: 'refused', code: 'transaction-id-reused' } });
    expect([reusing.aborts, await two.transactions()]).toEqual([0, []]);
    await service.commit(ref.id);
    expect([await amounts(at(), 'first'), await amounts(at(), 'second')]).toEqual([['1'], []]);
  });

  it('is aborted by its own coordinator and tenant alone', async () => {
    const { service, opened } = at();
    const ref = refOf();
    expect(await service.prepare(ref, { purse: 'kept', amount: '1' })).toEqual({ vote: 'yes' });
    await service.abort({ ...ref, coordinator: 'two' });
    await service.abort({ ...ref, tenant: 'others' });
    expect([await service.status(ref.id), await preparedLocks(opened)]).toEqual(['prepared', ['purse-kept']]);
    await service.abort(ref);
    expect([await service.status(ref.id), await preparedLocks(opened)]).toEqual(['aborted', []]);
  });
});
