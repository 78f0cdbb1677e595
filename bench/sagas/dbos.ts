// DBOS: a workflow of steps, each of which does nothing, or adds a row of the same size to a table.
import { DBOS } from '@dbos-inc/dbos-sdk';
import pg from 'pg';
import { depositInto } from '../account.js';
import { AT_A_TIME, type SagaContender, STEPS } from './contender.js';

export class DbosSagas implements SagaContender {
  private pool!: pg.Pool;
  private chain!: (id: string) => Promise<void>;

  constructor(private readonly inserts: boolean) {}

  async open(url: string): Promise<void> {
    this.pool = new pg.Pool({ connectionString: url, max: 20 });
    await this.pool.query('create table deposits (id bigserial primary key, account text, data json)');
    DBOS.setConfig({ name: 'bench', systemDatabaseUrl: url, systemDatabasePoolSize: 20, logLevel: 'error' });
    this.chain = DBOS.registerWorkflow(
      async (id: string) => {
        for (let step = 1; step <= STEPS; step += 1) await DBOS.runStep(() => this.step(id), { name: `step ${step}` });
      },
      { name: 'chain' },
    );
    await DBOS.launch();
  }

  async run(chains: readonly string[]): Promise<void> {
    const next = chains.values();
    const lane = async (): Promise<void> => {
      for (const id of next) await (await DBOS.startWorkflow(this.chain, { workflowID: id })(id)).getResult();
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, lane));
  }

  async effects(): Promise<number | undefined> {
    if (!this.inserts) return undefined;
    const { rows } = await this.pool.query<{ effects: string }>('select count(*) as effects from deposits');
    return Number(rows[0]?.effects);
  }

  async close(): Promise<void> {
    await DBOS.shutdown();
    await this.pool.end();
  }

  private async step(id: string): Promise<void> {
    if (!this.inserts) return;
    await this.pool.query({
      name: 'deposit',
      text: 'insert into deposits (account, data) values ($1, $2)',
      values: [id, JSON.stringify(depositInto(id))],
    });
  }
}
