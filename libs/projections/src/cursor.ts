// Where a page begins, as text that callers pass on and do not look into: the place in an order, exact to the last digit,
// signed so that a place that nobody was given is refused.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { type Database, loadSql } from '@concord/database';
import { currentTenant } from '@concord/tenancy';
import { CursorInvalid } from './row-errors.js';

/** The text of each ordered column, as PostgreSQL writes it. */
export type Place = readonly (string | null)[];

const keyOf = loadSql(import.meta.url, 'sql/cursor-key.sql');
const keys = new WeakMap<Database, Buffer>();
const SIGNATURE_BYTES = 16;
const LONGEST = 8_192;

/** The cursors of one list: `ordering` says whose rows they are, and in which order. */
export class Cursors {
  private constructor(
    private readonly key: Buffer,
    private readonly tenant: string,
    private readonly ordering: string,
  ) {}

  /** For the running tenant. Its key is asked for once. */
  static async of(database: Database, ordering: string): Promise<Cursors> {
    const key = keys.get(database) ?? (await readKey(database));
    keys.set(database, key);
    return new Cursors(key, currentTenant(), ordering);
  }

  write(place: Place): string {
    const body = Buffer.from(JSON.stringify([this.ordering, ...place]));
    return Buffer.concat([this.signature(body), body]).toString('base64url');
  }

  /** Errors: CursorInvalid. */
  read(cursor: string): Place {
    const bytes = Buffer.from(cursor.slice(0, LONGEST), 'base64url');
    // Decoding passes over what is none of its letters.
    if (bytes.toString('base64url') !== cursor || bytes.length <= SIGNATURE_BYTES) throw new CursorInvalid('malformed');
    const body = bytes.subarray(SIGNATURE_BYTES);
    if (!timingSafeEqual(bytes.subarray(0, SIGNATURE_BYTES), this.signature(body))) throw new CursorInvalid('forged');
    // Signed by us: it has the form that write() gave it.
    const [ordering, ...place] = JSON.parse(body.toString()) as [string, ...Place];
    if (ordering !== this.ordering) throw new CursorInvalid('another-ordering');
    return place;
  }

  private signature(body: Buffer): Buffer {
    const hmac = createHmac('sha256', this.key).update(`${this.tenant}\n`).update(body);
    return hmac.digest().subarray(0, SIGNATURE_BYTES);
  }
}

async function readKey(database: Database): Promise<Buffer> {
  const [row] = await database.query<{ key: Buffer }>(keyOf);
  if (!row) throw new Error('concord.cursor_key is empty: restore the row that migration 25 has put there');
  return row.key;
}
