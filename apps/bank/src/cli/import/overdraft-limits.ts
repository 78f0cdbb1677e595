// Makes sure, before the first new booking of an account, that it may go as far below zero as its file says.
import type { CommandBus } from '@nestjs/cqrs';
import type { ReadModels } from '@concord/projections';
import { ChangeOverdraftLimit } from '../../ledger/application/index.js';
import type { Money } from '../../ledger/domain/money.js';
import { AccountRow } from '../../ledger/read-models/accounts/account.row.js';

export class OverdraftLimits {
  private readonly sufficient = new Set<string>();

  constructor(
    private readonly commands: CommandBus,
    private readonly readModels: ReadModels,
    private readonly needed: ReadonlyMap<string, Money>,
  ) {}

  of(accountId: string): Money {
    return this.needed.get(accountId) ?? 0n;
  }

  /** Raises the limit of an account that was opened with a smaller one, by a shorter file. It is never lowered. */
  async ensure(accountId: string): Promise<void> {
    const overdraftLimit = this.of(accountId);
    if (overdraftLimit === 0n || this.sufficient.has(accountId)) return;
    const account = await this.readModels.read(() => AccountRow.find({ accountId }));
    // Without a command id: it may have been lowered since it was raised, and the same limit again changes nothing.
    if (account && account.overdraftLimit < overdraftLimit)
      await this.commands.execute(new ChangeOverdraftLimit({ accountId, overdraftLimit }));
    this.sufficient.add(accountId);
  }
}
