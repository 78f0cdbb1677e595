// Lists come in pages: how many, after which, and where to go on.
import { Int } from '@nestjs/graphql';
import { Transform } from 'class-transformer';
import { applyDecorators } from '@nestjs/common';
import { inputField } from './input-field.js';

export const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 500;
const CURSOR = /^[\w-]{1,8192}$/;

const asNumber = ({ value }: { value: unknown }): unknown =>
  typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value;

/** How many items a page has at most. */
export function LimitField(): PropertyDecorator {
  return applyDecorators(
    // A query string has text only.
    Transform(asNumber),
    inputField(
      {
        check: (value) => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_LIMIT,
        message: `is a whole number from 1 to ${MAX_LIMIT}`,
        description: `Items a page at most; ${DEFAULT_LIMIT} when left out.`,
        example: DEFAULT_LIMIT,
        graphql: () => Int,
        integer: { minimum: 1, maximum: MAX_LIMIT },
      },
      { optional: true },
    ),
  );
}

/** The cursor of a page, as it was answered. */
export function CursorField(description: string): PropertyDecorator {
  return inputField(
    {
      check: (value) => typeof value === 'string' && CURSOR.test(value),
      message: 'is a cursor as a page has answered it: letters, digits, dashes and underscores',
      description,
      pattern: CURSOR,
    },
    { optional: true },
  );
}

/** A page of views. */
export interface Page<Item> {
  readonly items: Item[];
  /** What to pass as `after` for the next page; null when this is the last. */
  readonly next: string | null;
}

/** A page that another one may come before. */
export interface KeysetPage<Item> extends Page<Item> {
  /** What to pass as `before` for the page before; null when this is the first. */
  readonly previous: string | null;
}

/** Reads one more than the limit, which tells whether there is a next page. */
export async function pageOf<Row, Item>(
  limit: number | null | undefined,
  read: (limit: number) => Promise<readonly Row[]>,
  present: (row: Row) => Item,
  cursor: (item: Item) => string,
): Promise<Page<Item>> {
  const wanted = limit ?? DEFAULT_LIMIT;
  const rows = await read(wanted + 1);
  const items = rows.slice(0, wanted).map(present);
  const last = items.at(-1);
  return { items, next: rows.length > wanted && last !== undefined ? cursor(last) : null };
}
