// The names of those that take part in the bank's transactions. They are kept for ever: what is under way is told to them by it.

/** The bank's own store. */
export const MAIN = 'main';
/** The store of the branch, on another database. */
export const BRANCH = 'branch';
/** Another bank, a service of its own. */
export const PARTNER = 'partner';

/** A store that accounts live in. */
export type StoreName = typeof MAIN | typeof BRANCH;

/** What the partner is asked to do, over HTTP: apps/partner does it. Amounts are decimal text. */
export interface PartnerCredit {
  readonly account: string;
  readonly amount: string;
  readonly currency: string;
  readonly paymentId: string;
  readonly from: string;
}
