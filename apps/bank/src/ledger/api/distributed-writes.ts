// What the doors of the branch and of payments to the partner do: input -> command -> CommandBus -> what changed.
import { Inject, Injectable, Optional } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { type ChangedStream, CommandIdReused } from '@concord/commanding';
import { TransactionCoordinator } from '@concord/coordination';
import type { DomainEvent } from '@concord/kernel';
import { derivedId, newId, NO_REVISION, streamName, systemClock } from '@concord/kernel';
import { BRANCH, MAIN, PARTNER } from '../../contracts/participants.js';
import { NotConfigured, NotFound } from '../../http/errors.js';
import type { CommandKey } from '../../http/headers.js';
import { BranchStore } from '../../stores/branch-store.js';
import { OpenBranchAccount } from '../application/open-branch-account.js';
import { PayPartner } from '../application/pay-partner.js';
import { TransferBetweenStores } from '../application/transfer-between-stores.js';
import { Account, type AccountEvent } from '../domain/account.js';
import { parseMoney } from '../domain/money.js';
import type { BranchTransferInput, OpenAccountInput, PartnerPaymentInput } from './inputs.js';
import { presentAccountAsOf, presentRevision } from './present.js';
import type { AccountView, BranchTransferView, ChangedAccountView, PartnerPaymentView } from './views.js';

/** With the key of the caller, a repeat gets the same answer. Errors of all: NotConfigured. */
@Injectable()
export class DistributedWrites {
  constructor(
    private readonly commands: CommandBus,
    @Optional() @Inject(TransactionCoordinator) private readonly coordinator?: TransactionCoordinator,
    @Optional() @Inject(BranchStore) private readonly branch?: BranchStore,
  ) {}

  async openInBranch(input: OpenAccountInput, key?: CommandKey): Promise<ChangedAccountView> {
    this.branchOrRefuse();
    const { districtId, currency } = input;
    const accountId = input.accountId ?? idOf('account', key);
    const overdraftLimit = parseMoney(input.overdraftLimit ?? '0.00');
    const order = { accountId, districtId, currency, overdraftLimit, openedOn: today() };
    const { streams } = await this.commands.execute(new OpenBranchAccount(order, key?.id, key?.fingerprint));
    return { accountId, revision: revisionIn(streams, accountId) };
  }

  async branchAccount(accountId: string): Promise<AccountView> {
    const account = new Account(accountId);
    for await (const event of this.branchOrRefuse().store.readStream(account.stream)) {
      account.replay([event as DomainEvent as AccountEvent]);
    }
    if (account.revision === NO_REVISION) throw new NotFound(`there is no account ${accountId} in the branch`);
    return presentAccountAsOf(account, null);
  }

  async transfer(input: BranchTransferInput, key?: CommandKey): Promise<BranchTransferView> {
    this.branchOrRefuse();
    const [from, to] = [
      { store: input.direction === 'to-branch' ? MAIN : BRANCH, accountId: input.from } as const,
      { store: input.direction === 'to-branch' ? BRANCH : MAIN, accountId: input.to } as const,
    ];
    const transferId = idOf('transfer', key);
    const { amount, reference } = input;
    const booking = {
      amount: parseMoney(amount),
      occurredOn: input.occurredOn ?? today(),
      reference: reference ?? undefined,
    };
    const { streams, position } = await this.commands.execute(
      new TransferBetweenStores({ from, to, transferId, ...booking }, key?.id, key?.fingerprint),
    );
    return {
      transferId,
      from: { accountId: input.from, revision: revisionIn(streams, input.from) },
      to: { accountId: input.to, revision: revisionIn(streams, input.to) },
      position: String(position),
    };
  }

  async payPartner(input: PartnerPaymentInput, key?: CommandKey): Promise<PartnerPaymentView> {
    if (!this.coordinator?.knows(PARTNER)) {
      throw new NotConfigured(
        'there is no partner bank: set PARTNER_URL and PARTNER_SECRET, and start it with "npm run partner"',
      );
    }
    const { from, partnerAccount, amount, reference } = input;
    const paymentId = idOf('payment', key);
    const booking = {
      amount: parseMoney(amount),
      occurredOn: input.occurredOn ?? today(),
      reference: reference ?? undefined,
    };
    const { streams, position } = await this.commands.execute(
      new PayPartner({ paymentId, from, partnerAccount, ...booking }, key?.id, key?.fingerprint),
    );
    return { paymentId, accountId: from, revision: revisionIn(streams, from), position: String(position) };
  }

  private branchOrRefuse(): BranchStore {
    if (this.branch) return this.branch;
    throw new NotConfigured('there is no branch: set BRANCH_DATABASE_URL to a second database');
  }
}

/** A repeat has to make the same id. */
function idOf(thing: string, key?: CommandKey): string {
  return key ? derivedId(thing, key.id) : newId();
}

function today(): string {
  return systemClock.now().toISOString().slice(0, 10);
}

function revisionIn(streams: readonly ChangedStream[], accountId: string): number {
  const stream = streamName(Account.category, accountId);
  const changed = streams.find((one) => one.stream === stream);
  if (!changed) throw new CommandIdReused(stream);
  return presentRevision(changed.revision);
}
