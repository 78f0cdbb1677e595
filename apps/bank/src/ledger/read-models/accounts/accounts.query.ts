// Questions about accounts, answered from bank.accounts and bank.districts.
import { Injectable } from '@nestjs/common';
import { In, MoreThan } from 'typeorm';
import { DistrictRow } from '../districts/district.row.js';
import { AccountRow } from './account.row.js';

/** An account, and the region it lies in: null while its district is not known. */
export interface AccountInRegion {
  readonly account: AccountRow;
  readonly region: string | null;
}

/** A page of accounts in the order of their ids, after one of them, in one region or in all. */
export interface AccountPage {
  readonly region?: string | undefined;
  readonly after?: string | undefined;
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

  async page({ region, after, limit }: AccountPage): Promise<AccountInRegion[]> {
    const districts = await DistrictRow.findBy(region === undefined ? {} : { where: { region } });
    const regions = new Map(districts.map((district) => [district.districtId, district.region]));
    const accounts = await AccountRow.findBy({
      where: {
        ...(region !== undefined && { districtId: In([...regions.keys()]) }),
        ...(after !== undefined && { accountId: MoreThan(after) }),
      },
      order: { accountId: 'ASC' },
      limit,
    });
    return accounts.map((account) => ({ account, region: regions.get(account.districtId) ?? null }));
  }
}
