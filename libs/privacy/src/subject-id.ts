// What a data subject can be called.

export const MAX_SUBJECT_LENGTH = 200;

export function isSubjectId(value: unknown): value is string {
  if (typeof value !== 'string' || value === '' || value.length > MAX_SUBJECT_LENGTH) return false;
  return value.isWellFormed() && !/\p{Cc}/u.test(value);
}
