import { openDatabase } from '@concord/database';
import { MemorySubjectKeys, PostgresSubjectKeys } from '@concord/privacy';
import { createTestDatabase } from '@concord/testing';
import { subjectKeysContract } from './subject-keys.contract.js';

describe('keys of data subjects in memory', () => {
  const keys = new MemorySubjectKeys();
  subjectKeysContract(() => Promise.resolve({ a: keys, b: keys, close: () => Promise.resolve() }));
});

describe('keys of data subjects in PostgreSQL', () => {
  subjectKeysContract(async () => {
    const { url, drop } = await createTestDatabase();
    const [one, other] = [await openDatabase({ url }), await openDatabase({ url })];
    const close = async (): Promise<void> => {
      await Promise.all([one.close(), other.close()]);
      await drop();
    };
    return { a: new PostgresSubjectKeys(one.database), b: new PostgresSubjectKeys(other.database), close };
  });
});
