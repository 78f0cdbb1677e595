// Which tenants have events, and where the last one of each is: found by reading on from where the last look ended. How far
// that was is kept beside the checkpoints, so that a new process need not begin at the start.
import { type Database, loadSql } from '@concord/database';
import type { GlobalPosition } from '@concord/kernel';
import type { TenantId } from '@concord/tenancy';
import type { TenantHead } from '../requests.js';
import type { AllEvents } from './all-events.js';

const sql = {
  load: loadSql(import.meta.url, 'sql/load-heads.sql'),
  save: loadSql(import.meta.url, 'sql/save-heads.sql'),
};
// No tenant has this id.
const EVERYTHING = '*';
const SAVE_EVERY = 5_000;

export class Heads {
  private readonly heads = new Map<TenantId, GlobalPosition>();
  private through = 0n;
  private unsaved = 0;
  private looking: Promise<void> | undefined;
  private loaded = false;

  constructor(
    private readonly everything: AllEvents,
    private readonly database: Database | undefined,
  ) {}

  /** As of now. */
  async all(): Promise<TenantHead[]> {
    // A look that is under way may have passed the end before what the caller knows of was there.
    await this.looking;
    await (this.looking ??= this.look().finally(() => (this.looking = undefined)));
    return [...this.heads].map(([tenantId, head]) => ({ tenantId, head }));
  }

  private async look(): Promise<void> {
    await this.load();
    for (;;) {
      const page = await this.everything.after(this.through);
      for (const { position, recorded } of page.events) {
        if (recorded) this.heads.set(recorded.metadata.tenantId, position);
        this.through = position;
      }
      this.unsaved += page.events.length;
      if (this.unsaved >= SAVE_EVERY) await this.save();
      if (page.isLast) return;
    }
  }

  private async load(): Promise<void> {
    if (this.loaded) return;
    const rows = (await this.database?.queryOutside<{ tenant_id: string; position: bigint }>(sql.load)) ?? [];
    for (const { tenant_id: tenant, position } of rows) {
      if (tenant === EVERYTHING) this.through = position;
      else this.heads.set(tenant, position);
    }
    this.loaded = true;
  }

  private async save(): Promise<void> {
    const rows = [...this.heads, [EVERYTHING, this.through] as const];
    const values = [rows.map(([tenant]) => tenant), rows.map(([, position]) => position.toString())];
    await this.database?.queryOutside(sql.save, values);
    this.unsaved = 0;
  }
}
