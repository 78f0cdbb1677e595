// Totals by region, answered from bank.district_totals and bank.districts.
import { Injectable } from '@nestjs/common';
import type { Money } from '../../domain/money.js';
import { DistrictRow } from '../districts/district.row.js';
import { DistrictTotalsRow } from './district-totals.row.js';

/** Totals of one district; `name` is null while the district is not known. */
export interface DistrictTotals {
  readonly districtId: number;
  readonly name: string | null;
  readonly accounts: bigint;
  readonly balance: Money;
  readonly paidIn: Money;
  readonly paidOut: Money;
}

/** Totals of one region in one currency; `region` is null for districts that are not known. */
export interface RegionTotals {
  readonly region: string | null;
  readonly currency: string;
  readonly accounts: bigint;
  readonly balance: Money;
  readonly paidIn: Money;
  readonly paidOut: Money;
  readonly districts: readonly DistrictTotals[];
}

@Injectable()
export class TotalsQuery {
  async byRegion(): Promise<RegionTotals[]> {
    const districts = new Map((await DistrictRow.findBy({})).map((district) => [district.districtId, district]));
    const rows = await DistrictTotalsRow.findBy({ order: { districtId: 'ASC', currency: 'ASC' } });
    const groups = Map.groupBy(rows, (row) =>
      JSON.stringify([districts.get(row.districtId)?.region ?? null, row.currency]),
    );
    return [...groups].map(([key, members]) => {
      const [region, currency] = JSON.parse(key) as [string | null, string];
      return {
        region,
        currency,
        ...sum(members),
        districts: members.map((row) => ({
          districtId: row.districtId,
          name: districts.get(row.districtId)?.name ?? null,
          ...sum([row]),
        })),
      };
    });
  }
}

function sum(rows: readonly DistrictTotalsRow[]): Pick<RegionTotals, 'accounts' | 'balance' | 'paidIn' | 'paidOut'> {
  const add = (column: 'accounts' | 'balance' | 'paidIn' | 'paidOut'): bigint =>
    rows.reduce((total, row) => total + row[column], 0n);
  return { accounts: add('accounts'), balance: add('balance'), paidIn: add('paidIn'), paidOut: add('paidOut') };
}
