// Opens an account.
import { CommandHandler } from '@nestjs/cqrs';
import { Aggregates, DomainCommand, type Handles } from '@concord/commanding';
import { Account } from '../domain/account.js';
import type { Money } from '../domain/money.js';

export interface OpenAccountOrder {
  readonly accountId: string;
  readonly districtId: number;
  readonly currency: string;
  readonly overdraftLimit: Money;
  /** An ISO date. */
  readonly openedOn: string;
}

export class OpenAccount extends DomainCommand<OpenAccountOrder> {}

@CommandHandler(OpenAccount)
export class OpenAccountHandler implements Handles<OpenAccount> {
  constructor(private readonly aggregates: Aggregates) {}

  async execute({ order }: OpenAccount): Promise<void> {
    const account = await this.aggregates.load(Account, order.accountId);
    account.open(order);
  }
}
