// What both doors do with a question: wait for the read model if asked to, query, present.
import { Injectable } from '@nestjs/common';
import type { RecordedEvent } from '@concord/kernel';
import { InvalidInput, NotFound } from '../../http/errors.js';
import { DEFAULT_LIMIT, type KeysetPage, type Page, pageOf } from '../../http/page.js';
import { ReadModelWait } from '../../http/read-model-wait.js';
import { AccountsQuery } from '../read-models/accounts/accounts.query.js';
import { StatementQuery } from '../read-models/statement/statement.query.js';
import { AccountHistory } from './account-history.js';
import type { AccountQuestion, AccountsQuestion, EventsQuestion, StatementQuestion } from './inputs.js';
import { presentAccount, presentAccountAsOf, presentEvent, presentLine } from './present.js';
import type { AccountEventView, AccountView, StatementLineView } from './views.js';

/** `seen` is the position of the header X-Concord-Position. */
@Injectable()
export class LedgerReads {
  constructor(
    private readonly wait: ReadModelWait,
    private readonly accountsQuery: AccountsQuery,
    private readonly statementQuery: StatementQuery,
    private readonly history: AccountHistory,
  ) {}

  async account(accountId: string, { asOf, after }: AccountQuestion, seen?: bigint): Promise<AccountView> {
    await this.wait.until(positionOf(after) ?? seen, 'ledger.accounts');
    if (asOf) return this.accountAsOf(accountId, asOf);
    const found = await this.accountsQuery.one(accountId);
    if (!found) throw noAccount(accountId);
    return presentAccount(found);
  }

  async accounts(question: AccountsQuestion, seen?: bigint): Promise<KeysetPage<AccountView>> {
    const { region, sort, after, before, limit, afterPosition } = question;
    if (after && before)
      throw new InvalidInput([{ field: 'before', message: 'goes with no `after`: give one of them' }]);
    await this.wait.until(positionOf(afterPosition) ?? seen, 'ledger.accounts', 'ledger.districts');
    const { rows, next, previous } = await this.accountsQuery.page({
      region: region ?? undefined,
      sort: sort ?? undefined,
      after: after ?? undefined,
      before: before ?? undefined,
      limit: limit ?? DEFAULT_LIMIT,
    });
    return { items: rows.map(presentAccount), next, previous };
  }

  async statement(accountId: string, question: StatementQuestion, seen?: bigint): Promise<Page<StatementLineView>> {
    const { from, to, after, limit, afterPosition } = question;
    await this.wait.until(positionOf(afterPosition) ?? seen, 'ledger.statement');
    if (!(await this.accountsQuery.one(accountId))) throw noAccount(accountId);
    const where = { accountId, from: from ?? undefined, to: to ?? undefined, after: positionOf(after) };
    return pageOf(limit, (wanted) => this.statementQuery.page({ ...where, limit: wanted }), presentLine, cursorOf);
  }

  async events(accountId: string, { after, limit }: EventsQuestion): Promise<Page<AccountEventView>> {
    const from = (positionOf(after) ?? -1n) + 1n;
    const read = (wanted: number): Promise<RecordedEvent[]> => this.history.events(accountId, from, wanted);
    const page = await pageOf(limit, read, presentEvent, cursorOf);
    if (page.items.length === 0 && (await this.history.events(accountId, 0n, 1)).length === 0)
      throw noAccount(accountId);
    return page;
  }

  /** Starts here and now, where the tenant is known; what comes is for whoever pulls it. */
  follow(accountId: string, fromRevision: number, stop: AbortSignal): AsyncGenerator<AccountEventView, void> {
    return presented(this.history.follow(accountId, BigInt(fromRevision), stop));
  }

  private async accountAsOf(accountId: string, asOf: string): Promise<AccountView> {
    const account = await this.history.asOf(accountId, asOf);
    if (!account) throw new NotFound(`account ${accountId} was not there at ${asOf}`);
    return presentAccountAsOf(account, await this.accountsQuery.regionOf(account.state.districtId));
  }
}

async function* presented(events: AsyncIterable<RecordedEvent>): AsyncGenerator<AccountEventView, void> {
  for await (const event of events) yield presentEvent(event);
}

function positionOf(text: string | null | undefined): bigint | undefined {
  return text ? BigInt(text) : undefined;
}

function cursorOf(item: { readonly revision: number }): string {
  return item.revision.toString();
}

function noAccount(accountId: string): NotFound {
  return new NotFound(`there is no account ${accountId}`);
}
