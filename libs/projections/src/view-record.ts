// A row that can be read: how it is found, with what is related, by the page.
import { type FindOptionsOrder, type FindOptionsWhere, PrimaryColumn } from 'typeorm';
import type { Conditions } from './conditions.js';
import { type Page, type PageWanted, readPage } from './page.js';
import { loadRelations, type RelationName, type With } from './relations.js';
import { currentRowScope } from './row-scope.js';
import { type RowClass, type RowKey, RowSession } from './row-session.js';
import { type RowChanges, rowTableOf } from './row-table.js';
import { TrackedRow } from './tracked-row.js';

/** A row class: a TypeORM entity that extends ActiveRecord or ViewRecord. */
export type RowType<Row extends ViewRecord> = RowClass<Row>;

/** What to find. The tenant is added to every condition. */
export interface FindRows<Row, Names extends string = never> extends Conditions<Row> {
  readonly order?: FindOptionsOrder<Row>;
  readonly limit?: number;
  /** What is related is loaded, too: one statement a relation. */
  readonly relations?: readonly Names[];
}

/** Which page to read. */
export interface PageOptions<Row, Names extends string = never> extends PageWanted<Row> {
  readonly relations?: readonly Names[];
}

/**
 * Base of row classes on views: found like all others, and never written. Every call uses the ambient transaction, database
 * and tenant; there is no static connection. The view shows `tenant_id`, and some columns that are unique in a tenant.
 */
export abstract class ViewRecord extends TrackedRow {
  /** Part of every key; set when the row is stored. */
  @PrimaryColumn({ name: 'tenant_id', type: 'text' })
  tenantId!: string;

  /** The one row that matches, or undefined. Errors of all calls: RowScopeMissing, TenantMissing. */
  static find<Row extends ViewRecord>(this: RowType<Row>, where: FindOptionsWhere<Row>): Promise<Row | undefined> {
    return reader(this).find(this, where);
  }

  /** All rows that match. */
  static async findBy<Row extends ViewRecord, Names extends RelationName<Row> = never>(
    this: RowType<Row>,
    { relations = [], ...wanted }: FindRows<Row, Names>,
  ): Promise<With<Row, Names>[]> {
    const session = reader(this);
    const rows = await session.findBy(this, wanted);
    await loadRelations(session, this, rows, relations);
    return rows as With<Row, Names>[];
  }

  /**
   * A page of the rows that match, from where another one ended. A row that is there all the while and keeps its place is on
   * exactly one page, whatever is written meanwhile. Errors: CursorInvalid, InvalidArgument.
   */
  static async page<Row extends ViewRecord, Names extends RelationName<Row> = never>(
    this: RowType<Row>,
    { relations = [], ...wanted }: PageOptions<Row, Names>,
  ): Promise<Page<With<Row, Names>>> {
    const session = reader(this);
    const page = await readPage(currentRowScope(this.name).database, session, this, wanted as PageWanted<Row>);
    await loadRelations(session, this, page.rows, relations);
    return page as Page<With<Row, Names>>;
  }

  /** Loads what is related to all of these rows into their properties: one statement a relation, however many rows. */
  static async preload<Row extends ViewRecord, Names extends RelationName<Row>>(
    this: RowType<Row>,
    rows: readonly Row[],
    ...relations: readonly Names[]
  ): Promise<With<Row, Names>[]> {
    await loadRelations(reader(this), this, rows, relations);
    return [...rows] as With<Row, Names>[];
  }

  /** Names a row by its whole key: for `rows` of @On, which has all rows of a batch loaded by one statement. */
  static at<Row extends ViewRecord>(this: RowType<Row>, key: FindOptionsWhere<Row>): RowKey {
    return { type: this, where: key };
  }

  /** Puts what is stored now into this very row; changes that were not written are gone. Errors: RowIsGone. */
  async reload(): Promise<this> {
    await reader(this.constructor).reload(this);
    return this;
  }

  /** Which columns are not as they were when the row was read or written; undefined for a row that was never stored. */
  changes(): RowChanges | undefined {
    const type = this.constructor as RowType<ViewRecord>;
    return rowTableOf(currentRowScope(type.name).database.dataSource, type).changesOf(this);
  }
}

function reader(type: { readonly name: string }): RowSession {
  const { database, session } = currentRowScope(type.name);
  return session ?? new RowSession(database);
}
