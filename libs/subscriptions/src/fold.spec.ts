// Folds: now, as of a position, as of a time; of one tenant; more than a page.
import { MemoryEventStore } from '@concord/event-store';
import { type DomainEvent, type GlobalPosition, InvalidArgument, newId, type StreamName } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { fold, type FoldHandlers } from './fold.js';

type Paid = DomainEvent<'Paid', { amount: number }>;
type Refunded = DomainEvent<'Refunded', { amount: number }>;

const sum: FoldHandlers<number, Paid | Refunded> = {
  Paid: (state, { data }) => state + data.amount,
  Refunded: (state, { data }) => state - data.amount,
};
const store = new MemoryEventStore();

async function append(
  stream: StreamName,
  ...events: readonly [type: string, amount: number][]
): Promise<GlobalPosition> {
  const made = events.map(([type, amount]) => ({ id: newId(), type, data: { amount } }));
  const [appended] = await store.append({ stream, expected: 'any', events: made });
  return appended!.globalPosition;
}

it('folds a stream and a category, now and as of a position', () =>
  runInTenant('fold', async () => {
    await append('payment-1', ['Paid', 10], ['Noted', 0]);
    const middle = await append('payment-2', ['Paid', 5]);
    await append('other-1', ['Paid', 1000]);
    const last = await append('payment-1', ['Refunded', 3]);
    await runInTenant('another', () => append('payment-1', ['Paid', 99]));
    expect(await fold(store, { stream: 'payment-1' }, 0, sum)).toEqual({ state: 7, events: 2, last });
    expect(await fold(store, { category: 'payment' }, 100, sum)).toEqual({ state: 112, events: 3, last });
    expect(await fold(store, { category: 'payment', asOf: middle }, 0, sum)).toEqual({
      state: 15,
      events: 2,
      last: middle,
    });
    expect(await fold(store, { stream: 'payment-1', asOf: middle }, 0, sum)).toMatchObject({ state: 10, events: 1 });
    expect(await fold(store, { stream: 'payment-9' }, 0, sum)).toEqual({ state: 0, events: 0, last: undefined });
  }));

it('folds as of a time of recording, and over many pages', () =>
  runInTenant('times', async () => {
    await append('payment-1', ...Array.from({ length: 2500 }, (): [string, number] => ['Paid', 1]));
    const { events } = await store.readFeed({ limit: 1 });
    const { recordedAt } = events[0]!.metadata;
    const at = (milliseconds: number): Date => new Date(recordedAt.getTime() + milliseconds);
    expect(await fold(store, { category: 'payment', asOf: at(60_000) }, 0, sum)).toMatchObject({ state: 2500 });
    expect(await fold(store, { category: 'payment', asOf: at(-1) }, 0, sum)).toMatchObject({ state: 0, events: 0 });
    expect(await fold(store, { stream: 'payment-1', asOf: at(-1) }, 0, sum)).toMatchObject({ state: 0, events: 0 });
  }));

it('refuses what is no time, and a fold of nothing', () =>
  runInTenant('fold', async () => {
    const noTime = fold(store, { category: 'payment', asOf: new Date('never') }, 0, sum);
    await expect(noTime).rejects.toBeInstanceOf(InvalidArgument);
    await expect(fold(store, { category: 'payment' }, 0, {})).rejects.toBeInstanceOf(InvalidArgument);
  }));
