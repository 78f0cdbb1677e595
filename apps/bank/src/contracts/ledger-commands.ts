// What the ledger lets other contexts ask of it. Their process managers send these; its handlers are in ledger/application.
import { DomainCommand } from '@concord/commanding';

/** Amounts are decimal text, so that an order can be kept as JSON. */
export interface MoveMoneyOrder {
  readonly transferId: string;
  readonly from: string;
  readonly to: string;
  readonly amount: string;
  readonly occurredOn: string;
  readonly reference?: string;
}

/** Moves money from one account to another, as one change of both; refused by the invariants of accounts. */
export class MoveMoney extends DomainCommand<MoveMoneyOrder> {}
