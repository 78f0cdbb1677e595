// A participant that takes its locks when it prepares, beside a store that was only read: what was read stays locked until the
// other has voted, or a third transaction could come between the two and be seen by half.
import { Participant, type Vote } from '@concord/coordination';
import { inTenant, openSide, type Side, type TestStores, twoDatabases } from './kit.js';
import { Purse } from './purse.js';

class SlowService extends Participant<string> {
  readonly name = 'slow';
  override readonly locksWithItsVote = true;
  readonly committed: string[] = [];
  private voted = (): void => undefined;
  private asked = (): void => undefined;
  readonly isAsked = new Promise<void>((resolve) => (this.asked = resolve));
  private readonly mayVote = new Promise<void>((resolve) => (this.voted = resolve));

  letVote(): void {
    this.voted();
  }
  async prepare(): Promise<Vote> {
    this.asked();
    await this.mayVote;
    return { vote: 'yes' };
  }
  commit(id: string): Promise<void> {
    this.committed.push(id);
    return Promise.resolve();
  }
  abort(): Promise<void> {
    return Promise.resolve();
  }
  status(): ReturnType<Participant['status']> {
    return Promise.resolve('unknown');
  }
}

let stores: TestStores;
let side: Side;
const slow = new SlowService();
beforeAll(async () => {
  stores = await twoDatabases();
  side = await openSide(stores.urls, { others: [slow] });
});
afterAll(async () => {
  await side.close();
  await stores.drop();
});

it('a store that was read keeps its locks until the late one has voted', async () => {
  const { coordinator } = side;
  const ends: string[] = [];
  const reader = inTenant(() =>
    coordinator.transaction(async (transaction) => {
      await transaction.store('a').read(Purse, 'shared');
      transaction.enlist('slow', 'work');
    }),
  ).then(({ outcome }) => ends.push(outcome));
  await slow.isAsked;
  const writer = inTenant(() =>
    coordinator.transaction(async (transaction) => (await transaction.store('a').load(Purse, 'shared')).move(1n)),
  ).then(() => ends.push('writer'));
  await new Promise((resolve) => setTimeout(resolve, 400));
  expect(ends).toEqual([]);
  slow.letVote();
  await Promise.all([reader, writer]);
  expect(ends).toEqual(expect.arrayContaining(['committed', 'writer']));
});
