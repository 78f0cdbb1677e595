import { given } from '@concord/domain';
import { District } from './district.js';

const facts = { name: 'Lindfeld', region: 'north', inhabitants: 1200 };

describe('a district', () => {
  it('is registered', () => {
    given(District, '1')
      .when((district) => district.register(facts))
      .then({ type: 'DistrictRegistered', data: facts });
  });

  it('is corrected, and left alone by the same facts', () => {
    const known = given(District, '1', { type: 'DistrictRegistered', data: facts });
    known.when((district) => district.register(facts)).thenNothing();
    known
      .when((district) => district.register({ ...facts, inhabitants: 1300 }))
      .then({ type: 'DistrictCorrected', data: { ...facts, inhabitants: 1300 } });
  });

  it('district-has-name-and-region', () => {
    given(District, '1')
      .when((district) => district.register({ ...facts, region: ' ' }))
      .thenBroken('district-has-name-and-region');
  });
});
