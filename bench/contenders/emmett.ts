// Emmett on PostgreSQL, at its best: one pool, the schema made beforehand, plain JSON parsing, its own command handler,
// raw SQL projection and consumer.
import pg from 'pg';
import { CommandHandler, type Event } from '@event-driven-io/emmett';
import { getPostgreSQLEventStore, postgreSQLRawSQLProjection } from '@event-driven-io/emmett-postgresql';
import { newId } from '@concord/kernel';
import { type Balance, decide, type Deposit, depositInto, evolve, initialBalance } from '../account.js';
import { type CatchUp, type Contender, present, type ProjectionRun, type Seed, type Settings } from '../contender.js';
import { emptyProjection, projectionResult } from './limit-projection.js';

type Metadata = Record<string, string>;
type DepositedEvent = Event<'Deposited', Deposit, Metadata>;
type Store = ReturnType<typeof getPostgreSQLEventStore>;

// Its default is 100; larger batches are to its advantage. It waits
// this long between full batches; 0 is the least it takes.
const BATCH = 1000;
const PULLING_MS = 0;

// Its `STREAM_DOES_NOT_EXIST` is no check on PostgreSQL; version 0 is one, and saves it a query.
const NO_STREAM = 0n;
const SEED_BATCH = 500;
const CATCH_UP_SHARE = 10;

const handleCommand = CommandHandler<Balance, DepositedEvent>({ evolve, initialState: initialBalance });
// Its default is three retries after 100 ms and more, and then an error. Only where there are conflicts: retries cost it half.
const retry = { onVersionConflict: { retries: 10_000, minTimeout: 1, maxTimeout: 20, factor: 1.5, randomize: true } };
const insist = CommandHandler<Balance, DepositedEvent>({ evolve, initialState: initialBalance, retry });
const streamOf = (id: string): string => `account-${id}`;

// Its projections give SQL as text.
const literal = (text: string): string => pg.escapeLiteral(text);
type Sql = Awaited<ReturnType<Parameters<typeof postgreSQLRawSQLProjection<DepositedEvent>>[0]['evolve']>>;

const balances = postgreSQLRawSQLProjection<DepositedEvent>({
  name: 'balances',
  canHandle: ['Deposited'],
  evolve: ({ data }) =>
    `insert into public.bench_balances (account_id, amount, deposits, memo)
     values (${literal(data.accountId)}, ${data.amount}, 1, ${literal(data.memo)})
     on conflict (account_id) do update set
       amount = bench_balances.amount + excluded.amount, deposits = bench_balances.deposits + 1, memo = excluded.memo` as Sql,
});

export class EmmettContender implements Contender {
  private main!: { readonly pool: pg.Pool; readonly store: Store };
  private projection!: { readonly pool: pg.Pool; readonly store: Store };
  private feed!: { readonly pool: pg.Pool; readonly store: Store };
  private settings!: Settings;

  async open(settings: Settings): Promise<void> {
    this.settings = settings;
    this.main = await openStore(settings.url, settings.poolSize);
    this.projection = await openStore(settings.projectionUrl, settings.poolSize);
    this.feed = await openStore(settings.feedUrl, settings.poolSize);
    // Its own parsers look at every value of a JSON document for bigints; its option for plain ones is this.
    for (const oid of [pg.types.builtins.JSON, pg.types.builtins.JSONB])
      pg.types.setTypeParser(oid, (text) => JSON.parse(text) as unknown);
  }

  async close(): Promise<void> {
    await Promise.all([this.main, this.projection, this.feed].map(({ pool }) => pool.end()));
  }

  async append(id: string): Promise<void> {
    await this.main.store.appendToStream<DepositedEvent>(
      streamOf(id),
      [{ type: 'Deposited', data: depositInto(id), metadata: {} }],
      { expectedStreamVersion: NO_STREAM },
    );
  }

  async appendMany(id: string, count: number): Promise<void> {
    const events = Array.from({ length: count }, () => ({
      type: 'Deposited' as const,
      data: depositInto(id),
      metadata: {},
    }));
    await this.main.store.appendToStream<DepositedEvent>(streamOf(id), events, { expectedStreamVersion: NO_STREAM });
  }

  async command(_line: string, id: string, hasConflicts: boolean): Promise<void> {
    const handle = hasConflicts ? insist : handleCommand;
    await handle(this.main.store, streamOf(id), (state) => {
      const commandId = newId();
      const metadata = { correlationId: commandId, causationId: commandId, commandId };
      return { ...decide(state, depositInto(id)), metadata };
    });
  }

  async read(id: string): Promise<number> {
    const { events } = await this.main.store.readStream<DepositedEvent>(streamOf(id));
    return events.length;
  }

  seed(seeds: readonly Seed[]): Promise<void> {
    return fill(this.main.pool, seeds);
  }

  seedProjection(seeds: readonly Seed[]): Promise<void> {
    return fill(this.projection.pool, seeds);
  }

  async prepareProjection(): Promise<ProjectionRun> {
    const { pool, store } = this.projection;
    await emptyProjection(this.settings.projectionUrl);
    await pool.query('truncate emt_processors, emt_projections');
    const { rows } = await pool.query<{ last: bigint }>('select max(global_position) as last from emt_messages');
    const last = present(rows[0], 'the last position').last;
    const consumer = store.consumer({ pulling: { batchSize: BATCH, pullingFrequencyInMs: PULLING_MS } });
    consumer.projector<DepositedEvent>({
      projection: balances,
      stopAfter: ({ metadata }) => metadata.globalPosition >= last,
    });
    return { run: () => consumer.start(), result: () => projectionResult(pool) };
  }

  seedFeed(seeds: readonly Seed[]): Promise<void> {
    return fill(this.feed.pool, seeds);
  }

  /** A part of what is there: each of its messages takes as long as any other, and all of them too long. */
  async prepareCatchUp(_line: string, seeded: number): Promise<CatchUp> {
    const { pool, store } = this.feed;
    const events = seeded / CATCH_UP_SHARE;
    await pool.query('truncate emt_processors, emt_projections');
    const { rows } = await pool.query<{ last: bigint }>(
      'select global_position as last from emt_messages order by global_position offset $1 limit 1',
      [events - 1],
    );
    const last = present(rows[0], 'the last position').last;
    const consumer = store.consumer({ pulling: { batchSize: BATCH, pullingFrequencyInMs: PULLING_MS } });
    return {
      events,
      run: (seen) => {
        consumer.reactor<DepositedEvent>({
          processorId: `catchup-${newId()}`,
          eachMessage: ({ data }) => seen(data),
          stopAfter: ({ metadata }) => metadata.globalPosition >= last,
        });
        return consumer.start();
      },
    };
  }

  async show(setting: string): Promise<string> {
    const { rows } = await this.main.pool.query<{ value: string }>('select current_setting($1) as value', [setting]);
    return rows[0]?.value ?? '';
  }

  async vacuum(): Promise<void> {
    await Promise.all([this.main, this.projection, this.feed].map(({ pool }) => pool.query('vacuum analyze')));
  }
}

async function openStore(url: string, poolSize: number): Promise<{ pool: pg.Pool; store: Store }> {
  const pool = new pg.Pool({ connectionString: url, max: poolSize });
  await getPostgreSQLEventStore(url, { connectionOptions: { pool } }).schema.migrate();
  const store = getPostgreSQLEventStore(url, { connectionOptions: { pool }, schema: { autoMigration: 'None' } });
  return { pool, store };
}

/** Through its own append function, many streams in one statement. */
async function fill(pool: pg.Pool, seeds: readonly Seed[]): Promise<void> {
  for (let first = 0; first < seeds.length; first += SEED_BATCH) {
    const rows = seeds
      .slice(first, first + SEED_BATCH)
      .filter(({ events }) => events > 0)
      .map(({ id, events }) => ({ stream: streamOf(id), events, data: depositInto(id) }));
    await pool.query(
      `select emt_append_to_stream(
         array(select gen_random_uuid()::text from generate_series(1, s.events)),
         array_fill(s.data, array[s.events]), array_fill('{}'::jsonb, array[s.events]),
         array_fill('1'::text, array[s.events]), array_fill('Deposited'::text, array[s.events]),
         array_fill('E'::text, array[s.events]), s.stream, 'account', null, 'emt:default')
       from jsonb_to_recordset($1) as s (stream text, events integer, data jsonb)`,
      [JSON.stringify(rows)],
    );
  }
}
