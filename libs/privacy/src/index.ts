// F3: personal fields that can be forgotten: sealed under a key of their data subject, which can be deleted.
export { DataSubjects, type Forgotten } from './data-subjects.js';
export { PersonalDataDamaged, SubjectForgotten, SubjectKeyMissing } from './errors.js';
export { type KeyPlace, MasterKeys, type WrappedKey } from './master-keys.js';
export { MemorySubjectKeys } from './memory-subject-keys.js';
export { personalData } from './open-personal-data.js';
export { PostgresSubjectKeys } from './postgres-subject-keys.js';
export { PrivacyModule, type PrivacyOptions } from './privacy.module.js';
export {
  type Forgetting,
  type ForgetOutcome,
  type FormerKey,
  type NewSubjectKey,
  type SubjectKey,
  SubjectKeys,
} from './subject-keys.js';
