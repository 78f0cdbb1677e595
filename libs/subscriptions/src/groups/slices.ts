// Which slice of a group a stream belongs to. Checkpoints depend on it: it never changes.

/** Hash values that the slices of a group share out. */
export const HASH_VALUES = 1024;

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
const SEPARATOR = '\u001f';

/** The slice of a tenant's stream in a group of so many slices. */
export function sliceOf(tenant: string, stream: string, slices: number): number {
  return Math.floor((hashOf(tenant + SEPARATOR + stream) * slices) / HASH_VALUES);
}

/** FNV-1a over UTF-16 code units, its bits mixed once more, for the low ones of similar names are similar. */
function hashOf(text: string): number {
  let hash = FNV_OFFSET;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), FNV_PRIME);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) & (HASH_VALUES - 1);
}
