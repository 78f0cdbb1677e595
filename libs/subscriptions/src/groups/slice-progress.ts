// How far a slice has come for each tenant: what is done, what of it is saved, and who has news.
import { loadSql } from '@concord/database';
import type { TenantHead } from '@concord/event-store';
import type { GlobalPosition } from '@concord/kernel';
import type { TenantId } from '@concord/tenancy';
import type { GroupWork, OwnedSlice } from './group-work.js';

const sql = {
  load: loadSql(import.meta.url, 'sql/load-slice-checkpoints.sql'),
  save: loadSql(import.meta.url, 'sql/save-slice-checkpoint.sql'),
  saveAll: loadSql(import.meta.url, 'sql/save-slice-checkpoints.sql'),
};

export interface IdleMove {
  readonly tenant: TenantId;
  readonly known: GlobalPosition | undefined;
  readonly reached: GlobalPosition;
}

// Where a slice found nothing to do, its position is saved only when reading that part again would take a while.
const IDLE_SPAN = 2000n;

export class SliceProgress {
  private readonly done = new Map<TenantId, GlobalPosition>();
  private readonly saved = new Map<TenantId, GlobalPosition>();
  private readonly heads = new Map<TenantId, GlobalPosition>();

  constructor(
    private readonly work: GroupWork,
    private readonly owned: OwnedSlice,
  ) {}

  async load(): Promise<void> {
    const rows = await this.work.database.queryOutside<{ tenant_id: TenantId; position: GlobalPosition }>(sql.load, [
      this.work.settings.name,
      this.owned.slice,
    ]);
    this.done.clear();
    this.saved.clear();
    for (const { tenant_id, position } of rows) {
      this.done.set(tenant_id, position);
      this.saved.set(tenant_id, position);
    }
  }

  /** Everything of the slice up to there is done, or waits with its stream. */
  of(tenant: TenantId): GlobalPosition {
    return this.done.get(tenant) ?? this.work.startsAfter;
  }

  hear(heads: readonly TenantHead[]): void {
    for (const { tenantId, head } of heads) if (head > this.of(tenantId)) this.heads.set(tenantId, head);
  }

  /** Tenants take turns. */
  nextTenant(): TenantId | undefined {
    for (const [tenant, head] of this.heads) {
      this.heads.delete(tenant);
      if (head <= this.of(tenant)) continue;
      this.heads.set(tenant, head);
      return tenant;
    }
    return undefined;
  }

  /** How far the slowest tenant is behind. */
  get lag(): bigint {
    let most = 0n;
    for (const [tenant, head] of this.heads) {
      const behind = head - this.of(tenant);
      if (behind > most) most = behind;
    }
    return most;
  }

  /** Saves a checkpoint in the running transaction, which holds the slice. Not awaited: it travels with the commit. */
  save(tenant: TenantId, reached: GlobalPosition): void {
    const known = this.saved.get(tenant) ?? null;
    const { database, settings } = this.work;
    void database.query(sql.save, [settings.name, this.owned.slice, tenant, known, reached]);
  }

  /** What was saved is committed. */
  committed(tenant: TenantId, reached: GlobalPosition): void {
    this.done.set(tenant, reached);
    this.saved.set(tenant, reached);
    this.work.advanced.raise();
  }

  /** Whether anything of the tenant was saved in this slice. */
  isKnown(tenant: TenantId): boolean {
    return this.saved.has(tenant);
  }

  /** There was nothing to do up to there. Without progress the tenant rests until it is heard of again. */
  passed(tenant: TenantId, reached: GlobalPosition): void {
    if (reached <= this.of(tenant)) this.rest(tenant);
    else {
      this.done.set(tenant, reached);
      this.work.advanced.raise();
    }
  }

  /** The tenant is left alone until it is heard of again. */
  rest(tenant: TenantId): void {
    this.heads.delete(tenant);
  }

  /** Positions that have moved far by passing only, to be saved in a transaction that holds the slice. */
  get idle(): readonly IdleMove[] {
    return this.movedBeyond(IDLE_SPAN);
  }

  /** Positions that are further than what was saved of them. */
  movedBeyond(span: bigint): readonly IdleMove[] {
    return [...this.done].flatMap(([tenant, reached]) => {
      const known = this.saved.get(tenant);
      return reached - (known ?? this.work.startsAfter) > span ? [{ tenant, known, reached }] : [];
    });
  }

  saveIdle(moved: readonly IdleMove[]): void {
    const moves = JSON.stringify(moved, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
    void this.work.database.query(sql.saveAll, [this.work.settings.name, this.owned.slice, moves]);
  }
}
