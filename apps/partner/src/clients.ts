// The accounts of clients: what others' transactions do to them, and what is shown of them.
import { Injectable } from '@nestjs/common';
import { CommandBus, CommandHandler } from '@nestjs/cqrs';
import { Aggregates, DomainCommand, type Handles } from '@concord/commanding';
import type { ServiceParticipant } from '@concord/coordination';
import { EventStore } from '@concord/event-store';
import { ConcordError, type DomainEvent, NO_REVISION } from '@concord/kernel';
import { ClientAccount, type ClientAccountEvent, type Credit } from './domain/client-account.js';

type PrepareWork = ConstructorParameters<typeof ServiceParticipant>[1];

/** All that this service does of others' transactions: what the bank's coordinator sends with its prepare. */
export const credit: PrepareWork = async (work, store) => {
  const { account, ...payment } = work as Credit & { readonly account: string };
  const client = await store.load(ClientAccount, account);
  client.receive(payment);
};

export class OpenClientAccount extends DomainCommand<{ readonly accountId: string; readonly currency: string }> {}

@CommandHandler(OpenClientAccount)
export class OpenClientAccountHandler implements Handles<OpenClientAccount> {
  constructor(private readonly aggregates: Aggregates) {}

  async execute({ order }: OpenClientAccount): Promise<void> {
    const account = await this.aggregates.load(ClientAccount, order.accountId);
    account.open(order.currency);
  }
}

/** There is no such account. */
export class NoSuchAccount extends ConcordError {
  readonly code = 'not-found';
}

/** What a client sees. */
export interface ClientView {
  readonly accountId: string;
  readonly currency: string;
  readonly balance: string;
}

@Injectable()
export class Clients {
  constructor(
    private readonly commands: CommandBus,
    private readonly store: EventStore,
  ) {}

  async open(accountId: string, currency: string): Promise<ClientView> {
    await this.commands.execute(new OpenClientAccount({ accountId, currency }));
    return this.view(accountId);
  }

  async view(accountId: string): Promise<ClientView> {
    const account = new ClientAccount(accountId);
    for await (const event of this.store.readStream(account.stream)) {
      account.replay([event as DomainEvent as ClientAccountEvent]);
    }
    if (account.revision === NO_REVISION) throw new NoSuchAccount(`there is no account ${accountId}`);
    const { currency = '', cents } = account.state;
    const digits = cents.toString().padStart(3, '0');
    return { accountId, currency, balance: `${digits.slice(0, -2)}.${digits.slice(-2)}` };
  }
}
