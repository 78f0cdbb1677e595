// Rules of a row class, declared with class-validator's decorators and checked before anything is written.
import { getMetadataStorage, validate, type ValidationError } from 'class-validator';
import { type BrokenRule, RowInvalid } from './row-errors.js';

const ruled = new WeakMap<object, boolean>();

/** Whether a class declares any rule: most do not, and pay nothing. */
export function hasRules(type: new () => object): boolean {
  const known = ruled.get(type);
  if (known !== undefined) return known;
  const has = getMetadataStorage().getTargetValidationMetadatas(type, '', false, false).length > 0;
  ruled.set(type, has);
  return has;
}

/** Errors: RowInvalid with every column and rule that is broken. */
export async function assertValid(row: object): Promise<void> {
  const type = row.constructor as new () => object;
  if (!hasRules(type)) return;
  const errors = await validate(row, { validationError: { target: false, value: false } });
  if (errors.length > 0)
    throw new RowInvalid(
      type.name,
      errors.flatMap((error) => brokenRules(error, '')),
    );
}

function brokenRules({ property, constraints = {}, children = [] }: ValidationError, within: string): BrokenRule[] {
  const column = within + property;
  return [
    ...Object.entries(constraints).map(([rule, message]) => ({ column, rule, message })),
    ...children.flatMap((child) => brokenRules(child, `${column}.`)),
  ];
}
