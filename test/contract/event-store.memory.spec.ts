import { MemoryEventStore } from '@concord/event-store';
import { MemorySubjectKeys } from '@concord/privacy';
import { eventStoreContract } from './event-store.contract.js';

describe('the event store in memory', () => {
  eventStoreContract(() => {
    const store = new MemoryEventStore();
    const keys = new MemorySubjectKeys();
    return Promise.resolve({ a: store, b: store, keys: { a: keys, b: keys }, close: () => Promise.resolve() });
  });
});
