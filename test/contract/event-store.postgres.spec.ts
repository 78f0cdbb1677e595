import { openDatabase } from '@concord/database';
import { PostgresEventStore } from '@concord/event-store';
import { PostgresSubjectKeys } from '@concord/privacy';
import { createTestDatabase } from '@concord/testing';
import { eventStoreContract } from './event-store.contract.js';

describe('the event store on PostgreSQL', () => {
  eventStoreContract(async () => {
    const { url, drop } = await createTestDatabase();
    const opened = [await openDatabase({ url }), await openDatabase({ url })] as const;
    const [a, b] = opened.map(({ database }) => new PostgresEventStore(database)) as [
      PostgresEventStore,
      PostgresEventStore,
    ];
    const close = async (): Promise<void> => {
      await Promise.all(opened.map((one) => one.close()));
      await drop();
    };
    const [keysA, keysB] = opened.map(({ database }) => new PostgresSubjectKeys(database)) as [
      PostgresSubjectKeys,
      PostgresSubjectKeys,
    ];
    return { a, b, keys: { a: keysA, b: keysB }, close };
  });
});
