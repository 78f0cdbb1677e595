// Questions about accounts, answered from bank.accounts and bank.districts.
import { Injectable } from '@nestjs/common';
import type { Page } from '@concord/projections';
import { DistrictRow } from '../districts/district.row.js';
import { AccountRow } from './account.row.js';

/** An account, and the region it lies in: null while its district is not known. */
export interface AccountInRegion {
  readonly account: AccountRow;
  readonly region: string | null;
}

/** What accounts can be in the order of; a dash before it turns it round. */
export const ACCOUNT_SORTS = ['accountId', '-accountId', 'balance', '-balance', 'openedOn', '-openedOn'] as const;
export type AccountSort = (typeof ACCOUNT_SORTS)[number];

/** A page of accounts, in one region or in all, from the cursor of another one. */
export interface AccountPage {
  readonly region?: string | undefined;
  readonly sort?: AccountSort | undefined;
  readonly after?: string | undefined;
  readonly before?: string | undefined;
  readonly limit: number;
}

@Injectable()
export class AccountsQuery {
  async one(accountId: string): Promise<AccountInRegion | undefined> {
    const account = await AccountRow.find({ accountId });
    if (!account) return undefined;
    return { account, region: await this.regionOf(account.districtId) };
  }

  /** Null while the district is not known. */
  async regionOf(districtId: number): Promise<string | null> {
    const district = await DistrictRow.find({ districtId });
    return district?.region ?? null;
  }

  /** Errors: CursorInvalid. */
  async page({ region, sort = 'accountId', after, before, limit }: AccountPage): Promise<Page<AccountInRegion>> {
    const column = sort.replace('-', '') as 'accountId' | 'balance' | 'openedOn';
    const { rows, ...cursors } = await AccountRow.page({
      scopes: region === undefined ? [] : [AccountRow.inDistricts(await this.districtsIn(region))],
      order: { [column]: sort.startsWith('-') ? 'DESC' : 'ASC' },
      limit,
      ...(after !== undefined && { after }),
      ...(before !== undefined && { before }),
      relations: ['district'],
    });
    return { ...cursors, rows: rows.map((account) => ({ account, region: account.district?.region ?? null })) };
  }

  private async districtsIn(region: string): Promise<number[]> {
    return (await DistrictRow.findBy({ where: { region } })).map(({ districtId }) => districtId);
  }
}
