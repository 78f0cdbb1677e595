// What can be declared to be personal: wrong names do not compile, and what compiles and cannot hold is refused at boot.
import { type Personal, personal } from '@concord/domain';
import { type DomainEvent, newId } from '@concord/kernel';
import { Declarations } from './declarations.js';
import { MasterKeys } from './master-keys.js';
import { MemorySubjectKeys } from './memory-subject-keys.js';
import { personalData } from './open-personal-data.js';

const MASTER = new MasterKeys(Buffer.alloc(32, 1).toString('base64'));

type Opened = DomainEvent<
  'Opened',
  {
    ownerId: string;
    ownerName: string;
    age?: number;
    address: { street: string; geo: { lat: number } };
    tags: string[];
  }
>;

describe('declarations', () => {
  it('are typed by the event', () => {
    personal<Opened>({
      type: 'Opened',
      subject: 'ownerId',
      fields: { ownerName: '', age: 0, 'address.geo.lat': 0, tags: [] },
    });
    // @ts-expect-error -- another type
    personal<Opened>({ type: 'Closed', subject: 'ownerId', fields: { ownerName: '' } });
    // @ts-expect-error -- no such field
    personal<Opened>({ type: 'Opened', subject: 'ownerId', fields: { name: '' } });
    // @ts-expect-error -- no such field within
    personal<Opened>({ type: 'Opened', subject: 'ownerId', fields: { 'address.city': '' } });
    // @ts-expect-error -- a replacement of another type
    personal<Opened>({ type: 'Opened', subject: 'ownerId', fields: { ownerName: null } });
    // @ts-expect-error -- a subject is named by a text
    personal<Opened>({ type: 'Opened', subject: 'age', fields: { ownerName: '' } });
    // @ts-expect-error -- no replacement
    personal<Opened>({ type: 'Opened', subject: 'ownerId', fields: { age: undefined } });
  });

  const one = (more: Partial<Personal>): Personal => ({ type: 'A', subject: 'who', fields: { name: '' }, ...more });
  it.each<[string, Personal[], RegExp]>([
    ['no field', [one({ fields: {} })], /A is declared with no personal fields/],
    ['a type of the store', [one({ type: '$metadata' })], /"\$metadata" cannot have personal fields/],
    ['a path that is none', [one({ fields: { 'a..b': '' } })], /"a\.\.b" is no path/],
    ['a subject that is no path', [one({ subject: '' })], /"" is no path/],
    ['a replacement that is none', [one({ fields: { name: undefined } })], /A\.name has no replacement/],
    ['a replacement that is no JSON', [one({ fields: { name: 1n } })], /replacement of A\.name is a bigint/],
    ['fields within each other', [one({ fields: { a: {}, 'a.b': '' } })], /A\.a and A\.a\.b overlap/],
    ['a field twice', [one({}), one({ subject: 'whom' })], /A\.name and A\.name overlap/],
    ['a subject twice', [one({}), one({ fields: { b: '' } })], /two declarations for the subject "who"/],
    ['a hidden subject', [one({ fields: { who: '' } })], /A\.who hides the subject "who"/],
    ['a subject within a field', [one({ subject: 'a.id', fields: { a: {} } })], /A\.a hides the subject "a\.id"/],
  ])('refuse %s', (_what, declared, message) => {
    expect(() => new Declarations(declared)).toThrow(message);
  });

  it('say so where a list is in the way', () => {
    const seal = personalData([one({ fields: { 'lines.name': '' } })], new MemorySubjectKeys(), MASTER);
    const event = { id: newId(), type: 'A', data: { who: 'ada', lines: [{ name: 'x' }] }, metadata: {} };
    expect(() => seal.seal('t', [{ stream: 'a-1', events: [event] }])).toThrow(/"lines" is a list: mark it whole/);
  });
});
