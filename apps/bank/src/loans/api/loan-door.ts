// What the doors of loans do: input -> command -> CommandBus -> what changed; and a loan as its stream tells it.
import { Injectable } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { CommandIdReused } from '@concord/commanding';
import { ProcessRuntime } from '@concord/coordination';
import { EventStore, NotSupportedByStore } from '@concord/event-store';
import { derivedId, type DomainEvent, newId, streamName, systemClock } from '@concord/kernel';
import { NotFound } from '../../http/errors.js';
import type { CommandKey } from '../../http/headers.js';
import { RequestPayout } from '../application/index.js';
import { Loan, type LoanEvent } from '../domain/loan.js';
import type { RequestPayoutInput } from './inputs.js';
import type { LoanChangedView, LoanView } from './views.js';

@Injectable()
export class LoanDoor {
  constructor(
    private readonly commands: CommandBus,
    private readonly store: EventStore,
  ) {}

  /** With the key of the caller a repeat gets the same answer. Errors: NotSupportedByStore, where nobody would pay it out. */
  async request(input: RequestPayoutInput, key?: CommandKey): Promise<LoanChangedView> {
    if (!ProcessRuntime.isPossibleOn(this.store)) {
      throw new NotSupportedByStore('loans are paid out by a process manager, which needs the store on PostgreSQL');
    }
    const { loanId: given, ...terms } = input;
    const loanId = given ?? (key ? derivedId('loan', key.id) : newId());
    const requestedOn = systemClock.now().toISOString().slice(0, 10);
    const order = { loanId, ...terms, requestedOn };
    const { streams, position } = await this.commands.execute(new RequestPayout(order, key?.id, key?.fingerprint));
    const stream = streamName(Loan.category, loanId);
    const changed = streams.find((one) => one.stream === stream);
    if (!changed) throw new CommandIdReused(stream);
    return { loanId, revision: Number(changed.revision), position: String(position) };
  }

  async loan(loanId: string): Promise<LoanView> {
    const loan = new Loan(loanId);
    for await (const event of this.store.readStream(loan.stream)) loan.replay([event as DomainEvent as LoanEvent]);
    const { status, terms, reason } = loan.state;
    if (!terms) throw new NotFound(`there is no loan ${loanId}`);
    const { accountId, amount } = terms;
    return { loanId, accountId, amount, status, reason: reason ?? null, revision: Number(loan.revision) };
  }
}
