import { MemoryEventStore } from '@concord/event-store';
import { newId } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { followStream } from './follow-stream.js';
import { Signal } from './signal.js';

const add = (store: MemoryEventStore, type: string) =>
  store.append({ stream: 's-1', expected: 'any', events: [{ id: newId(), type, data: {} }] });

describe('a followed stream', () => {
  it('gives what is there, from a position on, and then whatever comes', async () => {
    const store = new MemoryEventStore();
    await runInTenant('t', async () => {
      for (const type of ['A', 'B']) await add(store, type);
      const events = followStream(store, 's-1', 1n);
      expect((await events.next()).value).toMatchObject({ type: 'B' });
      const coming = events.next();
      await add(store, 'C');
      expect((await coming).value).toMatchObject({ type: 'C', streamPosition: 2n });
      await events.return();
      expect(await events.next()).toEqual({ done: true, value: undefined });
    });
  });

  it('ends when it is told to, though nothing comes', async () => {
    const stop = new AbortController();
    const events = runInTenant('t', () => followStream(new MemoryEventStore(), 's-1', 0n, stop.signal));
    const coming = events.next();
    stop.abort();
    expect(await coming).toEqual({ done: true, value: undefined });
  });

  it('keeps its tenant, wherever it is read', async () => {
    const store = new MemoryEventStore();
    await runInTenant('t', () => add(store, 'A'));
    const events = runInTenant('t', () => followStream(store, 's-1'));
    expect((await runInTenant('other', () => events.next())).value).toMatchObject({ type: 'A' });
    await events.return();
  });
});

describe('a signal', () => {
  it('wakes those who wait, and those who would have missed it', async () => {
    const signal = new Signal();
    const { seen } = signal;
    const waiting = signal.wait(seen, 10_000);
    signal.raise();
    await waiting;
    await signal.wait(seen, 10_000);
  });

  it('does not wake for what was seen, and gives up in time', async () => {
    const signal = new Signal();
    signal.raise();
    const began = Date.now();
    await signal.wait(signal.seen, 20);
    expect(Date.now() - began).toBeGreaterThanOrEqual(15);
  });
});
