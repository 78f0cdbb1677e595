// Fields within data by a path of names. Nothing is changed in place.
import { InvalidArgument } from '@concord/kernel';

type Fields = Readonly<Record<string, unknown>>;

/** The names of `address.street`. Errors: InvalidArgument. */
export function parsePath(path: string): readonly string[] {
  const names = path.split('.');
  if (names.every((name) => name !== '')) return names;
  throw new InvalidArgument(`"${path}" is no path of a field: write names with dots between them`);
}

/** Undefined where there is no such field. Errors: InvalidArgument where a list is on the way. */
export function valueAt(data: unknown, path: readonly string[]): unknown {
  let value = data;
  for (const [index, name] of path.entries()) {
    if (Array.isArray(value)) {
      throw new InvalidArgument(`"${path.slice(0, index).join('.')}" is a list: mark it whole, not fields in it`);
    }
    if (!isFields(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}

/** A copy with another value in a field; its other fields stay where they are. Undefined where there is no such field. */
export function withValue(data: unknown, [name, ...rest]: readonly string[], value: unknown): Fields | undefined {
  if (name === undefined || !isFields(data) || !Object.hasOwn(data, name)) return undefined;
  const replaced = rest.length === 0 ? value : withValue(data[name], rest, value);
  return replaced === undefined ? undefined : { ...data, [name]: replaced };
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
