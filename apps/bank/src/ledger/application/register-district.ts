// Makes a district and its region known.
import { CommandHandler } from '@nestjs/cqrs';
import { Aggregates, DomainCommand, type Handles } from '@concord/commanding';
import { District, type DistrictFacts } from '../domain/district.js';

export interface RegisterDistrictOrder extends DistrictFacts {
  readonly districtId: number;
}

export class RegisterDistrict extends DomainCommand<RegisterDistrictOrder> {}

@CommandHandler(RegisterDistrict)
export class RegisterDistrictHandler implements Handles<RegisterDistrict> {
  constructor(private readonly aggregates: Aggregates) {}

  async execute({ order }: RegisterDistrict): Promise<void> {
    const { districtId, name, region, inhabitants } = order;
    const district = await this.aggregates.load(District, districtId.toString());
    district.register({ name, region, inhabitants });
  }
}
