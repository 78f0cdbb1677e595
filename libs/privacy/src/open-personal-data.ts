// The seal from its parts.
import type { EventSeal } from '@concord/kernel';
import { Declarations } from './declarations.js';
import { KeyRing } from './key-ring.js';
import type { MasterKeys } from './master-keys.js';
import { PersonalData } from './personal-data.js';
import type { SubjectKeys } from './subject-keys.js';
import type { Personal } from '@concord/domain';

/** What EventStore.useSeal takes, where there is no Nest. Errors: InvalidArgument for a declaration that cannot hold. */
export function personalData(
  declared: readonly Personal[] | Declarations,
  keys: SubjectKeys,
  masterKeys: MasterKeys,
): EventSeal {
  const declarations = declared instanceof Declarations ? declared : new Declarations(declared);
  return new PersonalData(declarations, new KeyRing(keys, masterKeys));
}
