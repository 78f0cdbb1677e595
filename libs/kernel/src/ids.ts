// Identifiers: time-ordered where they are new (index locality), derived where a repeat must give the same one.
import { hash, randomFillSync } from 'node:crypto';
import { parse, v7, validate, version } from 'uuid';

const TIME_ORDERED = 7;
// 48 bits in hexadecimal, and a dash.
const TIME_LENGTH = 13;
const NAMESPACE = parse('2f0f6f3c-6a1b-5c57-9d3e-8c1a6f2b7d10');
const VARIANTS = '89ab';

// Asked for 16 bytes at a time, the generator costs more than all else of an id.
const RANDOM_LENGTH = 16;
const random = Buffer.alloc(256 * RANDOM_LENGTH);
let used = random.length;
let msecs = 0;
let seq = 0;

/** A new, time-ordered UUID (version 7); each is above the one before it in this process. */
export function newId(): string {
  if (used === random.length) {
    randomFillSync(random);
    used = 0;
  }
  const bytes = random.subarray(used, (used += RANDOM_LENGTH));
  const now = Date.now();
  if (now > msecs) {
    msecs = now;
    // Half of its range, so that it has room to count.
    seq = bytes.readUInt32BE() >>> 1;
  } else {
    seq += 1;
  }
  return v7({ random: bytes, msecs, seq });
}

/** The same UUID (version 5) for the same parts, for ever: for ids that must survive a repeat. */
export function derivedId(...parts: readonly string[]): string {
  // By hand, in one call of the hash: v5 of uuid takes ten times as long, and every event of a command needs one.
  const hex = hash('sha1', Buffer.concat([NAMESPACE, Buffer.from(JSON.stringify(parts))]), 'hex');
  const variant = VARIANTS[Number.parseInt(hex.charAt(16), 16) % VARIANTS.length] ?? '';
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/**
 * Like derivedId; where `id` is time-ordered (a UUID of version 7) the derived one (then of version 8) begins with the
 * same time, so that an index of such ids grows at its end.
 */
export function derivedIdOf(id: string, ...parts: readonly string[]): string {
  const derived = derivedId(...parts, id);
  if (!isId(id) || version(id) !== TIME_ORDERED) return derived;
  return `${id.slice(0, TIME_LENGTH).toLowerCase()}-8${derived.slice(TIME_LENGTH + 2)}`;
}

/** Whether the text is a UUID. */
export function isId(text: string): boolean {
  return validate(text);
}
