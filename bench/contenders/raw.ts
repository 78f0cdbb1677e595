// No event store at all: prepared statements on one table. It says how fast this PostgreSQL takes single rows.
import { newId } from '@concord/kernel';
import { decide, type Deposit, depositInto, evolve, initialBalance } from '../account.js';
import type { CatchUp, Contender, ProjectionRun, Seed, Settings } from '../contender.js';
import { BALANCES, SEED_BALANCES } from '../concord/balances.js';
import { TENANT } from '../concord/tenant.js';
import { emptyProjection, type PagedEvent, projectionResult, projectPages } from './limit-projection.js';
import { PreparedPool } from './prepared.js';

const TABLE = `
  create table events (
    global_position bigint generated always as identity primary key,
    stream_name text collate "C" not null,
    stream_position bigint not null,
    id uuid not null unique,
    type text collate "C" not null,
    data json not null,
    metadata jsonb not null,
    recorded_at timestamptz not null default clock_timestamp(),
    unique (stream_name, stream_position)
  )`;

// A wrong expected version breaks the unique key of stream and position.
const INSERT = {
  name: 'insert',
  text: 'insert into events (stream_name, stream_position, id, type, data, metadata) values ($1, $2, $3, $4, $5, $6)',
};
// The best single statement for many rows: one JSON parameter.
const INSERT_MANY = {
  name: 'insert many',
  text: `insert into events (stream_name, stream_position, id, type, data, metadata)
         select $1, e.position, e.id, 'Deposited', e.data, '{}'
         from json_to_recordset($2) as e (position bigint, id uuid, data json)`,
};
const READ = {
  name: 'read',
  text: `select stream_position, global_position, id, type, data, metadata, recorded_at from events
         where stream_name = $1 and stream_position >= $2 order by stream_position limit 1000`,
};
const FEED = {
  name: 'feed',
  text: 'select global_position as position, data from events where global_position > $1 order by global_position limit 1000',
};
const BY_KEY = {
  name: 'by key',
  text: `select tenant_id, account_id, amount, deposits, memo from bench.balances
         where tenant_id = $1 and account_id = $2`,
};
// All of each event, in the order of the feed.
const PAGE = 1_000;
const ALL = {
  name: 'all',
  text: `select global_position, stream_name, stream_position, id, type, data, metadata, recorded_at from events
         where global_position > $1 order by global_position limit ${PAGE}`,
};
const SEED = `
  insert into events (stream_name, stream_position, id, type, data, metadata)
  select s.stream, s.position, gen_random_uuid(), 'Deposited', s.data, '{}'
  from json_to_recordset($1) as s (stream text, position bigint, data json)`;

interface Row {
  readonly global_position: string;
  readonly stream_position: string;
  readonly data: Deposit;
}

const streamOf = (id: string): string => `account-${id}`;

export class RawContender implements Contender {
  private main!: PreparedPool;
  private projection!: PreparedPool;
  private feed!: PreparedPool;
  private settings!: Settings;

  async open(settings: Settings): Promise<void> {
    this.settings = settings;
    this.main = new PreparedPool(settings.url, settings.poolSize);
    this.projection = new PreparedPool(settings.projectionUrl, settings.poolSize);
    this.feed = new PreparedPool(settings.feedUrl, settings.poolSize);
    await Promise.all([this.main, this.projection, this.feed].map((pool) => pool.script(TABLE)));
  }

  async close(): Promise<void> {
    await Promise.all([this.main, this.projection, this.feed].map((pool) => pool.end()));
  }

  async append(id: string): Promise<void> {
    await this.insert(id, 0, depositInto(id), {});
  }

  async appendMany(id: string, count: number): Promise<void> {
    const events = Array.from({ length: count }, (_, position) => ({ position, id: newId(), data: depositInto(id) }));
    await this.main.rows(INSERT_MANY, [streamOf(id), JSON.stringify(events)]);
  }

  async command(_line: string, id: string): Promise<void> {
    const rows = await this.main.rows<Row>(READ, [streamOf(id), 0]);
    const { data } = decide(rows.reduce(evolve, initialBalance()), depositInto(id));
    const commandId = newId();
    const metadata = { correlationId: commandId, causationId: commandId, commandId };
    await this.insert(id, Number(rows.at(-1)?.stream_position ?? -1) + 1, data, metadata);
  }

  async read(id: string): Promise<number> {
    let count = 0;
    for (;;) {
      const rows = await this.main.rows<Row>(READ, [streamOf(id), count]);
      count += rows.length;
      if (rows.length < 1000) return count;
    }
  }

  seed(seeds: readonly Seed[]): Promise<void> {
    return fill(this.main, seeds);
  }

  seedProjection(seeds: readonly Seed[]): Promise<void> {
    return fill(this.projection, seeds);
  }

  async prepareProjection(): Promise<ProjectionRun> {
    await emptyProjection(this.settings.projectionUrl);
    const page = (after: string): Promise<PagedEvent[]> => this.projection.rows<PagedEvent>(FEED, [after]);
    return {
      run: () => projectPages(this.settings.projectionUrl, page),
      result: () => projectionResult(this.projection.pool),
    };
  }

  async seedRecords(ids: readonly string[]): Promise<void> {
    await this.projection.script(BALANCES);
    await this.projection.pool.query(SEED_BALANCES, [TENANT, ids]);
  }

  async record(id: string): Promise<void> {
    const [row] = await this.projection.rows<{ account_id: string }>(BY_KEY, [TENANT, id]);
    if (row?.account_id !== id) throw new Error(`the row of ${id} is missing`);
  }

  seedFeed(seeds: readonly Seed[]): Promise<void> {
    return fill(this.feed, seeds);
  }

  prepareCatchUp(_line: string, events: number): Promise<CatchUp> {
    return Promise.resolve({
      events,
      run: async (seen) => {
        for (let after = '0'; ;) {
          const rows = await this.feed.rows<Row>(ALL, [after]);
          for (const { data } of rows) seen(data);
          if (rows.length < PAGE) return;
          after = rows.at(-1)?.global_position ?? after;
        }
      },
    });
  }

  show(setting: string): Promise<string> {
    return this.main.show(setting);
  }

  async vacuum(): Promise<void> {
    await Promise.all([this.main, this.projection, this.feed].map((pool) => pool.script('vacuum analyze')));
  }

  private async insert(id: string, position: number, data: Deposit, metadata: object): Promise<void> {
    await this.main.rows(INSERT, [
      streamOf(id),
      position,
      newId(),
      'Deposited',
      JSON.stringify(data),
      JSON.stringify(metadata),
    ]);
  }
}

async function fill(pool: PreparedPool, seeds: readonly Seed[]): Promise<void> {
  const next = new Map<string, number>();
  const rows = seeds.flatMap(({ id, events }) =>
    Array.from({ length: events }, () => {
      const position = next.get(id) ?? 0;
      next.set(id, position + 1);
      return { stream: streamOf(id), position, data: depositInto(id) };
    }),
  );
  await pool.pool.query(SEED, [JSON.stringify(rows)]);
}
