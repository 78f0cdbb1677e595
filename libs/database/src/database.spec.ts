// The ambient transaction on a real PostgreSQL, and what the server's refusals become.
import { setTimeout as sleep } from 'node:timers/promises';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import {
  CommitUnknown,
  DatabaseUnavailable,
  OwnershipLost,
  TransientConflict,
  translateDatabaseError,
} from './errors.js';
import { openDatabase, type OpenDatabase } from './open-database.js';

let testDatabase: TestDatabase;
let opened: OpenDatabase;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  opened = await openDatabase({ url: testDatabase.url, poolSize: 4 });
  await opened.database.query({ text: 'create table t (n bigint primary key)' });
});
afterAll(async () => {
  await opened.close();
  await testDatabase.drop();
});
beforeEach(() => opened.database.query({ text: 'delete from t' }));

const insert = (n: number) => opened.database.query({ text: 'insert into t values ($1)' }, [n]);
const count = async (): Promise<bigint> => {
  const [row] = await opened.database.queryOutside<{ count: bigint }>({ text: 'select count(*) from t' });
  return row!.count;
};

describe('a transaction', () => {
  it('is ambient: queries and the manager within it share its connection, and it is one with those inside it', async () => {
    await opened.database.transaction(async ({ manager }) => {
      await insert(1);
      await opened.database.transaction(() => insert(2));
      await manager.query('insert into t values (3)');
      await manager.transaction((inner) => inner.query('insert into t values (4)'));
      expect(await count()).toBe(0n);
    });
    expect(await count()).toBe(4n);
    expect(opened.database.current).toBeUndefined();
  });

  it('is rolled back when its work fails, also at the end of an inner one', async () => {
    const failing = opened.database.transaction(async () => {
      await insert(1);
      await opened.database.transaction(async () => {
        await insert(2);
        throw new Error('no');
      });
    });
    await expect(failing).rejects.toThrow('no');
    expect(await count()).toBe(0n);
  });

  it('does not pretend to commit when a failed statement was swallowed', async () => {
    const pretending = opened.database.transaction(async () => {
      await insert(1);
      await insert(1).catch(() => undefined);
    });
    await expect(pretending).rejects.toThrow(/duplicate key/);
    const unseen = opened.database.transaction(async ({ manager }) => {
      await insert(1);
      await manager.query('insert into t values (1)').catch(() => undefined);
    });
    await expect(unseen).rejects.toThrow(/rolled back: a statement in it failed/);
    expect(await count()).toBe(0n);
  });

  it('commits what was sent and not awaited, or fails with it', async () => {
    await opened.database.transaction(async () => {
      void insert(1);
      void insert(2);
    });
    expect(await count()).toBe(2n);
    const failing = opened.database.transaction(async () => {
      void insert(3);
      void insert(1);
    });
    await expect(failing).rejects.toThrow(/duplicate key/);
    expect(await count()).toBe(2n);
  });

  it('fails with the statement that failed first, also where one behind it was awaited', async () => {
    const lost = `do $$ begin raise exception 'not yours any more' using errcode = 'CN040'; end $$`;
    const failing = opened.database.transaction(async () => {
      void opened.database.query({ text: lost });
      await insert(1);
    });
    await expect(failing).rejects.toThrow(OwnershipLost);
  });

  it('refuses what was left running when it ended', async () => {
    let left!: Promise<unknown>;
    let leftManager!: Promise<unknown>;
    await opened.database.transaction(async ({ manager }) => {
      left = sleep(20).then(() => insert(1));
      leftManager = sleep(20).then(() => manager.query('insert into t values (2)'));
    });
    await expect(left).rejects.toThrow(/transaction has ended: await everything/);
    await expect(leftManager).rejects.toThrow();
    expect(await count()).toBe(0n);
  });

  it('goes on after a savepoint took a failed statement back', async () => {
    await opened.database.transaction(async () => {
      await insert(1);
      await opened.database.query({ text: 'savepoint s' });
      await insert(1).catch(() => undefined);
      await opened.database.query({ text: 'rollback to savepoint s' });
      await insert(2);
    });
    expect(await count()).toBe(2n);
  });

  it.each([
    ['rollback to savepoint s', false],
    ['select 1; ROLLBACK TO s', false],
    ['select case when true then 1 end as ended, 2 as uncommitted', true],
  ])('knows whether %j may have given locks back', async (text, kept) => {
    for (const name of [undefined, text.slice(0, 30)]) {
      const seen: boolean[] = [];
      const running = opened.database.transaction(async (transaction) => {
        await opened.database.query({ text: 'savepoint s' });
        seen.push(transaction.keepsLocks);
        await opened.database.query({ text, ...(name && { name }) }).catch(() => undefined);
        seen.push(transaction.keepsLocks);
      });
      await running.catch(() => undefined);
      expect(seen).toEqual([true, kept]);
    }
  });

  const CONTROL = [
    'commit',
    ' Commit and chain',
    'END',
    'abort',
    'rollback',
    'ROLLBACK work',
    'begin',
    'start transaction',
    "prepare transaction 'p'",
    'select 1; commit',
    '/* done */ commit -- now',
    "select ';' ;\n end work",
  ];

  it.each(CONTROL)('is not begun or ended by hand, and fails when that was tried: %j', async (text) => {
    const refused = { code: 'invalid-argument', message: expect.stringContaining('use transaction()') as string };
    for (const name of [undefined, text.slice(0, 30)]) {
      await opened.database.query({ text: 'delete from t' });
      const failing = opened.database.transaction(async ({ manager }) => {
        await insert(1);
        const statement = { text, ...(name && { name }) };
        await expect(opened.database.query(statement)).rejects.toMatchObject(refused);
        await expect(manager.query(text)).rejects.toMatchObject(refused);
        expect(await count()).toBe(0n);
        await insert(2);
      });
      await expect(failing).rejects.toMatchObject(refused);
      expect(await count()).toBe(0n);
    }
    await expect(opened.database.query({ text })).rejects.toMatchObject(refused);
    await expect(opened.database.queryAside({ text })).rejects.toMatchObject(refused);
  });

  it.each([
    'do $$ begin perform 1; end $$',
    'create function pg_temp.f() returns int language sql begin atomic select 1; end',
    'select \';commit\' as "; rollback" -- ; commit',
    'savepoint s; rollback to savepoint s; rollback work to s; release savepoint s',
    "select case when true then 'abort' end",
    'create temporary table commit ("begin" int)',
  ])('takes what only sounds like it: %j', async (text) => {
    await opened.database.transaction(async ({ manager }) => {
      await opened.database.query({ text });
      await insert(1);
      await manager.query('savepoint t; release savepoint t');
    });
    expect(await count()).toBe(1n);
  });

  it('calls back after its commit, and only then', async () => {
    const heard: string[] = [];
    await opened.database.transaction(async (transaction) => {
      transaction.onCommit(() => heard.push('committed'));
      await insert(1);
      expect(heard).toEqual([]);
    });
    const failing = opened.database.transaction(async (transaction) => {
      transaction.onCommit(() => heard.push('never'));
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(heard).toEqual(['committed']);
  });

  it('gives every connection back, whatever happens in it', async () => {
    for (let time = 0; time < 12; time += 1) {
      await opened.database
        .transaction(async () => {
          await insert(1);
          await insert(1);
        })
        .catch(() => undefined);
    }
    await Promise.all(Array.from({ length: 12 }, (_, index) => opened.database.transaction(() => insert(index))));
    expect(await count()).toBe(12n);
  });
});

describe('errors', () => {
  it('names a deadlock as something to run again', async () => {
    await insert(1);
    await insert(2);
    const update = (first: number, second: number) =>
      opened.database.transaction(async () => {
        await opened.database.query({ text: 'update t set n = n where n = $1' }, [first]);
        await sleep(50);
        await opened.database.query({ text: 'update t set n = n where n = $1' }, [second]);
      });
    const results = await Promise.allSettled([update(1, 2), update(2, 1)]);
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused).toHaveLength(1);
    expect(refused[0]!.reason).toBeInstanceOf(TransientConflict);
  });

  it('says that a killed connection is no verdict on the statement', async () => {
    const killed = opened.database.transaction(async () => {
      await insert(1);
      const [row] = await opened.database.query<{ pid: number }>({ text: 'select pg_backend_pid() as pid' });
      await opened.database.queryOutside({ text: 'select pg_terminate_backend($1, 5000)' }, [row!.pid]);
      await insert(2);
    });
    await expect(killed).rejects.toThrow(DatabaseUnavailable);
    expect(await count()).toBe(0n);
    await opened.database.transaction(() => insert(3));
    expect(await count()).toBe(1n);
  });

  it('says that it does not know, when the connection dies under the commit', async () => {
    const lost = opened.database.transaction(async () => {
      await insert(1);
      const [row] = await opened.database.query<{ pid: number }>({ text: 'select pg_backend_pid() as pid' });
      await opened.database.queryOutside({ text: 'select pg_terminate_backend($1, 5000)' }, [row!.pid]);
    });
    await expect(lost).rejects.toThrow(CommitUnknown);
  });

  it.each(['ECONNREFUSED', 'EAI_AGAIN', 'ENETUNREACH'])('takes %s for a server that is away', (code) => {
    const translated = translateDatabaseError(Object.assign(new Error(code), { code }));
    expect(translated).toBeInstanceOf(DatabaseUnavailable);
  });

  it.each([
    ['a number beyond its type', 2n ** 64n, 'select $1::bigint'],
    ['U+0000', 'a\u0000', 'select $1::text'],
  ])('says that %s is no argument', async (_, value, text) => {
    await expect(opened.database.query({ text }, [value])).rejects.toMatchObject({ code: 'invalid-argument' });
  });

  it('says that the server is not there', async () => {
    await expect(openDatabase({ url: 'postgres://nobody@127.0.0.1:1/none' })).rejects.toThrow(/ECONNREFUSED/);
  });
});
