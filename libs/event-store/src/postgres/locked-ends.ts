// Where the streams end that a transaction has locked and loaded: nobody else can add to them before it ends, so its first
// append needs no look at them. After that the store looks: a savepoint may have taken the append back.
import type { Transaction } from '@concord/database';

const APPENDED = Symbol('appended by this transaction');

export class LockedEnds {
  private readonly transactions = new WeakMap<Transaction, Map<string, bigint | typeof APPENDED>>();

  /** The stream was loaded under its lock; `end` is the position of its last event, -1 when it has none. */
  loaded(transaction: Transaction, tenant: string, stream: string, end: bigint): void {
    const ends = this.endsOf(transaction);
    const key = keyOf(tenant, stream);
    if (!ends.has(key)) ends.set(key, end);
  }

  /** The end for the one append that may rely on it. */
  take(transaction: Transaction, tenant: string, stream: string): bigint | undefined {
    const ends = this.endsOf(transaction);
    const key = keyOf(tenant, stream);
    const end = ends.get(key);
    ends.set(key, APPENDED);
    return end === APPENDED ? undefined : end;
  }

  private endsOf(transaction: Transaction): Map<string, bigint | typeof APPENDED> {
    const ends = this.transactions.get(transaction) ?? new Map<string, bigint | typeof APPENDED>();
    this.transactions.set(transaction, ends);
    return ends;
  }
}

function keyOf(tenant: string, stream: string): string {
  return `${tenant}/${stream}`;
}
