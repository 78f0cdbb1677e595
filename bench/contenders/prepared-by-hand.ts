// Two-phase commit as PostgreSQL has it, by hand: no event store, no log of decisions, nobody who recovers what is left.
import pg from 'pg';
import { randomUUID } from 'node:crypto';
import { type Deposit, depositInto, otherAccountOf } from '../account.js';

const TABLE = `create table by_hand (
  position bigint generated always as identity primary key,
  stream text not null, version int not null, id uuid not null unique, data jsonb not null, unique (stream, version)
)`;
const INSERT = {
  name: 'insert by hand',
  text: 'insert into by_hand (stream, version, id, data) values ($1, 0, $2, $3)',
};

export class PreparedByHand {
  private constructor(private readonly pools: readonly pg.Pool[]) {}

  static async open(urls: readonly string[], poolSize: number): Promise<PreparedByHand> {
    const pools = urls.map((connectionString) => new pg.Pool({ connectionString, max: poolSize }));
    for (const pool of pools) await pool.query(TABLE);
    return new PreparedByHand(pools);
  }

  async close(): Promise<void> {
    await Promise.all(this.pools.map((pool) => pool.end()));
  }

  /** Both stores prepare at the same time, and commit at the same time. Names are the server's, not a database's. */
  async change(id: string): Promise<void> {
    const deposits = [depositInto(id), depositInto(otherAccountOf(id))];
    await Promise.all(
      this.pools.map((pool, index) => prepare(pool, deposits[index] ?? depositInto(id), nameOf(id, index))),
    );
    await Promise.all(this.pools.map((pool, index) => pool.query(`commit prepared '${nameOf(id, index)}'`)));
  }
}

const nameOf = (id: string, index: number): string => `${id}-${index}`;

async function prepare(pool: pg.Pool, deposit: Deposit, name: string): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    await client.query(INSERT, [`account-${deposit.accountId}`, randomUUID(), JSON.stringify(deposit)]);
    await client.query(`prepare transaction '${name}'`);
  } finally {
    client.release();
  }
}
