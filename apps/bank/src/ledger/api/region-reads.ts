// What both doors do with a question about regions.
import { Injectable } from '@nestjs/common';
import { ReadModelWait } from '../../http/read-model-wait.js';
import { TotalsQuery } from '../read-models/totals/totals.query.js';
import type { RegionsQuestion } from './inputs.js';
import { presentTotals } from './present.js';
import type { RegionTotalsView } from './views.js';

@Injectable()
export class RegionReads {
  constructor(
    private readonly wait: ReadModelWait,
    private readonly totalsQuery: TotalsQuery,
  ) {}

  /** `seen` is the position of the header X-Concord-Position. */
  async regions({ after }: RegionsQuestion, seen?: bigint): Promise<RegionTotalsView[]> {
    const position = after ? BigInt(after) : seen;
    await this.wait.until(position, 'ledger.totals', 'ledger.districts');
    return (await this.totalsQuery.byRegion()).map(presentTotals);
  }
}
