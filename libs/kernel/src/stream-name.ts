// A stream name is `category-id`. The category has no dash, so the first dash ends it; the id may have more.
import { InvalidArgument } from './errors.js';

/** `category-id`, for example `account-4711`. Made by {@link streamName}, which checks it. */
export type StreamName = `${string}-${string}`;

const CATEGORY = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;
const MAX_ID_LENGTH = 200;

/** Joins a category and an id. Errors: InvalidArgument that says which part is wrong and what is allowed. */
export function streamName(category: string, id: string): StreamName {
  assertCategory(category);
  assertId(id);
  return `${category}-${id}`;
}

/** Checks a name that arrived as text. Errors: InvalidArgument. */
export function parseStreamName(name: string): { category: string; id: string } {
  const dash = name.indexOf('-');
  if (dash < 0) throw new InvalidArgument(`"${name.slice(0, 80)}" is no stream name: write category-id`);
  const category = name.slice(0, dash);
  const id = name.slice(dash + 1);
  assertCategory(category);
  assertId(id);
  return { category, id };
}

/** Where the metadata of a stream are kept, as events. It is in no category and is not appended to by name. */
export function metadataStreamOf(stream: StreamName): StreamName {
  return `$$${stream}`;
}

/** Checks a category: a letter, then letters, digits or underscores, at most 64. Errors: InvalidArgument. */
export function assertCategory(category: string): void {
  if (!CATEGORY.test(category)) {
    throw new InvalidArgument(
      `"${category.slice(0, 80)}" is no category: use a letter, then letters, digits or _, at most 64 in all`,
    );
  }
}

function assertId(id: string): void {
  if (id.length === 0 || id.length > MAX_ID_LENGTH) {
    throw new InvalidArgument(`a stream id has 1 to ${MAX_ID_LENGTH} characters, this one has ${id.length}`);
  }
  // Not \p{Cc}, which is more: U+0080 to U+009F were never refused, and names that have them are stored.
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(id) || !id.isWellFormed()) {
    throw new InvalidArgument('a stream id has no control characters and no lone surrogates');
  }
}
