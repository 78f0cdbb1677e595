// message-db: its own SQL functions, called through pg as prepared statements.
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { newId } from '@concord/kernel';
import { decide, type Deposit, depositInto, evolve, initialBalance } from '../account.js';
import type { Contender, ProjectionRun, Seed, Settings } from '../contender.js';
import { emptyProjection, type PagedEvent, projectionResult, projectPages } from './limit-projection.js';
import { PreparedPool } from './prepared.js';

const DATABASE = join(dirname(createRequire(import.meta.url).resolve('@eventide/message-db/package.json')), 'database');
// Its install.sh, without psql, and without the role and the privileges: this run owns the database.
const INSTALL = ['schema', 'tables', 'types', 'functions', 'indexes'];
const SEARCH_PATH = '-c search_path=message_store,public';
// It locks a category for each write; with many categories, unrelated streams seldom meet.
const CATEGORIES = 1024;
const PAGE = 1000;

const WRITE = {
  name: 'write',
  text: 'select write_message($1, $2, $3, $4, $5, $6)',
};
const READ = { name: 'read', text: 'select * from get_stream_messages($1, $2, $3)' };
const FEED = {
  name: 'feed',
  text: 'select global_position as position, data from get_category_messages($1, $2, $3)',
};
const SEED = `
  select write_message(gen_random_uuid()::varchar, s.stream, 'Deposited', s.data)
  from jsonb_to_recordset($1) as s (stream varchar, data jsonb)`;

interface Row {
  readonly position: string;
  readonly data: string;
  readonly metadata: string | null;
}

const categoryOf = (id: string): string => `account${Number.parseInt(id.slice(0, 8), 16) % CATEGORIES}`;

export class MessageDbContender implements Contender {
  private main!: PreparedPool;
  private projection!: PreparedPool;
  private settings!: Settings;

  async open(settings: Settings): Promise<void> {
    this.settings = settings;
    this.main = new PreparedPool(settings.url, settings.poolSize, SEARCH_PATH);
    this.projection = new PreparedPool(settings.projectionUrl, settings.poolSize, SEARCH_PATH);
    for (const pool of [this.main, this.projection]) {
      for (const file of INSTALL.flatMap(scriptsOf)) await pool.script(readFileSync(file, 'utf8'));
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.main.end(), this.projection.end()]);
  }

  async append(id: string): Promise<void> {
    await this.write(id, -1, depositInto(id), null);
  }

  async command(_line: string, id: string): Promise<void> {
    const rows = await this.main.rows<Row>(READ, [streamOf(id), 0, PAGE]);
    const events = rows.map((row) => ({ data: JSON.parse(row.data) as Deposit }));
    const { data } = decide(events.reduce(evolve, initialBalance()), depositInto(id));
    const commandId = newId();
    const metadata = { correlationId: commandId, causationId: commandId, commandId };
    await this.write(id, Number(rows.at(-1)?.position ?? -1), data, JSON.stringify(metadata));
  }

  async read(id: string): Promise<number> {
    let count = 0;
    for (;;) {
      const rows = await this.main.rows<Row>(READ, [streamOf(id), count, PAGE]);
      for (const row of rows) {
        JSON.parse(row.data);
        if (row.metadata) JSON.parse(row.metadata);
      }
      count += rows.length;
      if (rows.length < PAGE) return count;
    }
  }

  seed(seeds: readonly Seed[]): Promise<void> {
    return fill(this.main, seeds, streamOf);
  }

  seedProjection(seeds: readonly Seed[]): Promise<void> {
    return fill(this.projection, seeds, (id) => `account-${id}`);
  }

  async prepareProjection(): Promise<ProjectionRun> {
    await emptyProjection(this.settings.projectionUrl);
    const page = async (after: string): Promise<PagedEvent[]> => {
      const rows = await this.projection.rows<{ position: string; data: string }>(FEED, [
        'account',
        (BigInt(after) + 1n).toString(),
        PAGE,
      ]);
      return rows.map(({ position, data }) => ({ position, data: JSON.parse(data) as Deposit }));
    };
    return {
      run: () => projectPages(this.settings.projectionUrl, page),
      result: () => projectionResult(this.projection.pool),
    };
  }

  show(setting: string): Promise<string> {
    return this.main.show(setting);
  }

  async vacuum(): Promise<void> {
    await Promise.all([this.main.script('vacuum analyze'), this.projection.script('vacuum analyze')]);
  }

  private async write(id: string, expected: number, data: Deposit, metadata: string | null): Promise<void> {
    await this.main.rows(WRITE, [newId(), streamOf(id), 'Deposited', JSON.stringify(data), metadata, expected]);
  }
}

function streamOf(id: string): string {
  return `${categoryOf(id)}-${id}`;
}

function scriptsOf(folder: string): string[] {
  const order = (file: string): number => (file === 'category.sql' || file === 'hash-64.sql' ? 0 : 1);
  return readdirSync(join(DATABASE, folder))
    .filter((file) => file.endsWith('.sql'))
    .sort((one, other) => order(one) - order(other))
    .map((file) => join(DATABASE, folder, file));
}

async function fill(pool: PreparedPool, seeds: readonly Seed[], stream: (id: string) => string): Promise<void> {
  const rows = seeds.flatMap(({ id, events }) =>
    Array.from({ length: events }, () => ({ stream: stream(id), data: depositInto(id) })),
  );
  await pool.pool.query(SEED, [JSON.stringify(rows)]);
}
