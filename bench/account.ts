// The little domain that every contender runs: an account, and money that is put into it. One event, about 300 bytes of JSON.

export interface Deposited {
  readonly type: 'Deposited';
  readonly data: Deposit;
}

// A type and not an interface: Emmett wants events that are assignable to Record<string, unknown>.
export type Deposit = {
  readonly accountId: string;
  readonly amount: number;
  readonly currency: string;
  readonly bookedAt: string;
  readonly memo: string;
};

export interface Balance {
  readonly amount: number;
  readonly deposits: number;
}

const BYTES = 300;

export const initialBalance = (): Balance => ({ amount: 0, deposits: 0 });

export function evolve(balance: Balance, { data }: { readonly data: Deposit }): Balance {
  return { amount: balance.amount + data.amount, deposits: balance.deposits + 1 };
}

/** The one decision: a deposit is positive, and an account holds less than a million deposits. */
export function decide(balance: Balance, deposit: Deposit): Deposited {
  if (deposit.amount <= 0) throw new Error('a deposit is more than nothing');
  if (balance.deposits >= 1_000_000) throw new Error('too many deposits');
  return { type: 'Deposited', data: deposit };
}

/** An event payload of 300 bytes. */
export function depositInto(accountId: string): Deposit {
  const deposit = { accountId, amount: 7, currency: 'CZK', bookedAt: '2026-11-22T10:00:00.000Z', memo: '' };
  return { ...deposit, memo: MEMO.slice(0, BYTES - JSON.stringify(deposit).length) };
}

const MEMO = 'A standing order of a customer, who wrote what it is for at some length. '.repeat(5);

/** The one that a transfer goes to. */
export const otherAccountOf = (id: string): string => `${id}-other`;
