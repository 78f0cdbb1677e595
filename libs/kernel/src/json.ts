// Guards payloads: what JSON would change or a store could not keep is refused before it is written.
import { InvalidArgument } from './errors.js';

const MAX_DEPTH = 200;

/**
 * Checks that a value survives JSON and the store unchanged: no NaN, Infinity, -0, bigint, undefined in arrays, dates,
 * maps or other instances, no cycles, no U+0000, no lone surrogates. Properties that are undefined are left out, as
 * JSON does. Errors: InvalidArgument that names the place, such as `$.lines[3].amount`.
 */
export function assertExactJson(value: unknown, path = '$', depth = 0): void {
  if (depth > MAX_DEPTH) throw refuse(path, `is nested deeper than ${MAX_DEPTH} levels, or contains itself`);
  if (value === null || typeof value === 'boolean') return;
  if (typeof value === 'object') return assertComposite(value, path, depth);
  if (typeof value === 'string') return assertText(value, path);
  if (typeof value === 'number') return assertNumber(value, path);
  throw refuse(
    path,
    `is a ${typeof value}: JSON has no such value${typeof value === 'bigint' ? ', write a string' : ''}`,
  );
}

function assertText(text: string, path: string): void {
  if (text.includes('\u0000')) throw refuse(path, 'contains U+0000, which PostgreSQL cannot keep in JSON: remove it');
  if (!text.isWellFormed()) throw refuse(path, 'contains a lone surrogate, which is not Unicode text');
}

function assertNumber(value: number, path: string): void {
  if (!Number.isFinite(value)) throw refuse(path, `is ${value}: JSON has no such number`);
  if (Object.is(value, -0)) throw refuse(path, 'is -0, which JSON writes as 0');
}

function assertComposite(value: object, path: string, depth: number): void {
  if (Array.isArray(value)) assertArray(value, path, depth);
  else assertObject(value, path, depth);
}

function assertArray(items: readonly unknown[], path: string, depth: number): void {
  for (let index = 0; index < items.length; index += 1) assertExactJson(items[index], `${path}[${index}]`, depth + 1);
}

function assertObject(value: object, path: string, depth: number): void {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw refuse(path, `is a ${value.constructor.name}: write plain objects, arrays, strings and numbers`);
  }
  if ('toJSON' in value) throw refuse(path, 'has a toJSON method, which would change it');
  for (const [key, item] of Object.entries(value)) {
    assertText(key, `${path} key`);
    if (item !== undefined) assertExactJson(item, `${path}.${key}`, depth + 1);
  }
}

function refuse(path: string, problem: string): InvalidArgument {
  return new InvalidArgument(`event payload ${path} ${problem}`, { path });
}
