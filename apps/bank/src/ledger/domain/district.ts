// A district, and the region it lies in. Accounts name theirs by id; it may become known before or after them.
import { AggregateRoot, ensure, invariant } from '@concord/domain';
import type { DomainEvent } from '@concord/kernel';

export interface DistrictFacts {
  readonly name: string;
  readonly region: string;
  readonly inhabitants: number;
}

export type DistrictRegistered = DomainEvent<'DistrictRegistered', DistrictFacts>;
export type DistrictCorrected = DomainEvent<'DistrictCorrected', DistrictFacts>;
export type DistrictEvent = DistrictRegistered | DistrictCorrected;

const namedFacts = invariant<DistrictFacts>({
  name: 'district-has-name-and-region',
  kind: 'request',
  holds: ({ name, region }) => name.trim() !== '' && region.trim() !== '',
  reason: () => 'a district has a name and a region',
});

export class District extends AggregateRoot<DistrictEvent, DistrictFacts | undefined> {
  static readonly category = 'district';

  /** Makes the facts known; the same facts again change nothing. */
  register(facts: DistrictFacts): void {
    ensure(namedFacts, facts);
    const known = this.state;
    if (known && known.name === facts.name && known.region === facts.region && known.inhabitants === facts.inhabitants)
      return;
    this.record({ type: known ? 'DistrictCorrected' : 'DistrictRegistered', data: facts });
  }

  protected override initialState(): undefined {
    return undefined;
  }

  protected override evolve(_: DistrictFacts | undefined, event: DistrictEvent): DistrictFacts {
    return event.data;
  }
}
