// Keeps bank.districts, within the command that makes a district known.
import { parseStreamName, type RecordedEvent } from '@concord/kernel';
import { On, Projection } from '@concord/projections';
import type { DistrictCorrected, DistrictRegistered } from '../../domain/district.js';
import { DistrictRow } from './district.row.js';

@Projection({
  name: 'ledger.districts',
  version: 1,
  categories: ['district'],
  consistency: 'inline',
  rows: [DistrictRow],
})
export class DistrictsProjector {
  @On<DistrictRegistered>('DistrictRegistered')
  async registered(event: RecordedEvent<DistrictRegistered>): Promise<void> {
    await DistrictRow.of({ districtId: districtOf(event), ...event.data }).insert();
  }

  @On<DistrictCorrected>('DistrictCorrected')
  async corrected(event: RecordedEvent<DistrictCorrected>): Promise<void> {
    await DistrictRow.of({ districtId: districtOf(event), ...event.data }).update();
  }
}

function districtOf(event: RecordedEvent): number {
  return Number(parseStreamName(event.stream).id);
}
