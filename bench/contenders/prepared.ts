// Named, prepared statements on a pool of pg: what message-db and the raw inserts are called through.
import pg from 'pg';

export interface Prepared {
  readonly name: string;
  readonly text: string;
}

/** A pool of connections on one database. */
export class PreparedPool {
  readonly pool: pg.Pool;

  constructor(url: string, max: number, options?: string) {
    this.pool = new pg.Pool({ connectionString: url, max, ...(options !== undefined && { options }) });
  }

  async rows<Row extends pg.QueryResultRow>(statement: Prepared, values: readonly unknown[]): Promise<Row[]> {
    const result = await this.pool.query<Row>({ ...statement, values: [...values] });
    return result.rows;
  }

  async script(text: string): Promise<void> {
    await this.pool.query(text);
  }

  async show(setting: string): Promise<string> {
    const { rows } = await this.pool.query<{ value: string }>('select current_setting($1) as value', [setting]);
    return rows[0]?.value ?? '';
  }

  end(): Promise<void> {
    return this.pool.end();
  }
}
