import { MemoryEventStore } from '@concord/event-store';
import { eventStoreContract } from './event-store.contract.js';

describe('the event store in memory', () => {
  eventStoreContract(() => {
    const store = new MemoryEventStore();
    return Promise.resolve({ a: store, b: store, close: () => Promise.resolve() });
  });
});
