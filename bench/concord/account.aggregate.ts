// The account as an aggregate of this framework.
import { AggregateRoot } from '@concord/domain';
import { type Balance, decide, type Deposit, type Deposited, evolve, initialBalance } from '../account.js';

export class Account extends AggregateRoot<Deposited, Balance> {
  static readonly category = 'account';

  protected initialState(): Balance {
    return initialBalance();
  }

  protected evolve(state: Balance, event: Deposited): Balance {
    return evolve(state, event);
  }

  deposit(deposit: Deposit): void {
    this.record(decide(this.state, deposit));
  }
}
