// What both doors do with a write: input -> command -> CommandBus -> what changed.
import { Injectable } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { type ChangedStream, CommandIdReused, type DomainCommand } from '@concord/commanding';
import { EventStore } from '@concord/event-store';
import { derivedId, newId, streamName, systemClock } from '@concord/kernel';
import type { CommandKey } from '../../http/headers.js';
import {
  ChangeOverdraftLimit,
  CloseAccount,
  DepositMoney,
  OpenAccount,
  TransferMoney,
  WithdrawMoney,
} from '../application/index.js';
import { Account, type BookingOrder } from '../domain/account.js';
import { parseMoney } from '../domain/money.js';
import type { BookingInput, CloseInput, OpenAccountInput, OverdraftLimitInput, TransferInput } from './inputs.js';
import { presentRevision } from './present.js';
import type { AccountChangedView, MoneyTransferredView } from './views.js';

const ZERO = '0.00';

/** Every method takes the key of its command, when the caller gave one: then a repeat gets the same answer. */
@Injectable()
export class LedgerWrites {
  constructor(
    private readonly commands: CommandBus,
    private readonly store: EventStore,
  ) {}

  async open(input: OpenAccountInput, key?: CommandKey): Promise<AccountChangedView> {
    const { districtId, currency } = input;
    const accountId = input.accountId ?? idOf('account', key?.id);
    const overdraftLimit = parseMoney(input.overdraftLimit ?? ZERO);
    const order = { accountId, districtId, currency, overdraftLimit, openedOn: today() };
    return this.change(accountId, new OpenAccount(order, key?.id, key?.fingerprint));
  }

  async deposit(accountId: string, input: BookingInput, key?: CommandKey): Promise<AccountChangedView> {
    return this.change(accountId, new DepositMoney({ accountId, ...bookingOrder(input) }, key?.id, key?.fingerprint));
  }

  async withdraw(accountId: string, input: BookingInput, key?: CommandKey): Promise<AccountChangedView> {
    return this.change(accountId, new WithdrawMoney({ accountId, ...bookingOrder(input) }, key?.id, key?.fingerprint));
  }

  async transfer(input: TransferInput, key?: CommandKey): Promise<MoneyTransferredView> {
    const { from, to } = input;
    const transferId = idOf('transfer', key?.id);
    const { streams, position } = await this.commands.execute(
      new TransferMoney({ from, to, transferId, ...bookingOrder(input) }, key?.id, key?.fingerprint),
    );
    return {
      accountId: from,
      revision: revisionIn(streams, from),
      position: String(position),
      transferId,
      to: { accountId: to, revision: revisionIn(streams, to) },
    };
  }

  async changeOverdraftLimit(
    accountId: string,
    input: OverdraftLimitInput,
    key?: CommandKey,
  ): Promise<AccountChangedView> {
    const order = { accountId, overdraftLimit: parseMoney(input.overdraftLimit) };
    return this.change(accountId, new ChangeOverdraftLimit(order, key?.id, key?.fingerprint));
  }

  async close(accountId: string, input: CloseInput, key?: CommandKey): Promise<AccountChangedView> {
    return this.change(
      accountId,
      new CloseAccount({ accountId, closedOn: input.closedOn ?? today() }, key?.id, key?.fingerprint),
    );
  }

  private async change(accountId: string, command: DomainCommand): Promise<AccountChangedView> {
    const { streams, position } = await this.commands.execute(command);
    if (position === undefined) return this.unchanged(accountId);
    return { accountId, revision: revisionIn(streams, accountId), position: position.toString() };
  }

  /** A command that decided nothing leaves the account where its last event left it. */
  private async unchanged(accountId: string): Promise<AccountChangedView> {
    const stream = streamName(Account.category, accountId);
    for await (const last of this.store.readStream(stream, { direction: 'backwards', limit: 1 })) {
      const { streamPosition, globalPosition } = last;
      return { accountId, revision: presentRevision(streamPosition), position: globalPosition.toString() };
    }
    throw new Error(`${stream} was changed by nothing, and is not there`);
  }
}

function bookingOrder({ amount, reference, occurredOn }: BookingInput): BookingOrder {
  return { amount: parseMoney(amount), occurredOn: occurredOn ?? today(), reference: reference ?? undefined };
}

/** A repeat has to make the same id. */
function idOf(thing: string, commandId: string | undefined): string {
  return commandId === undefined ? newId() : derivedId(thing, commandId);
}

function today(): string {
  return systemClock.now().toISOString().slice(0, 10);
}

/** A command that was applied before under this id may have been about other accounts. */
function revisionIn(streams: readonly ChangedStream[], accountId: string): number {
  const stream = streamName(Account.category, accountId);
  const changed = streams.find((candidate) => candidate.stream === stream);
  if (!changed) throw new CommandIdReused(stream);
  return presentRevision(changed.revision);
}
