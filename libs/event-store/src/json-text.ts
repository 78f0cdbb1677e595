// A payload that is JSON text already and has to come back as exactly this text: spaces, key order, 1.0 and all.
import { InvalidArgument } from '@concord/kernel';

// An escape of U+0000, or of a surrogate that stands alone, in what JSON.stringify wrote; pairs it writes as characters.
const NOT_KEPT = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/;
const NUL = /(?<!\\)(?:\\\\)*\\u0000/;

/**
 * An event's data as JSON text, kept to the byte. It is read back as the value that it stands for. Errors:
 * InvalidArgument when it is no JSON object, array, number or literal, or has what the store cannot keep; JSON strings are
 * given as strings.
 */
export class JsonText {
  constructor(readonly text: string) {
    const value = parse(text);
    if (typeof value === 'string') throw new InvalidArgument('a JSON string is appended as a string');
    if (text !== text.trim()) throw new InvalidArgument('JSON text begins and ends without space');
    // Without an escape there is neither: JSON has no bare U+0000.
    const escaped = text.includes('\\u') && (NUL.test(text) || NOT_KEPT.test(JSON.stringify(value)));
    if (escaped || !text.isWellFormed()) {
      throw new InvalidArgument('JSON text with U+0000 or a lone surrogate cannot be kept: remove it');
    }
  }

  /** What stores without a notion of text keep. */
  toJSON(): unknown {
    return JSON.parse(this.text);
  }
}

/** The JSON text of a payload or of metadata. */
export function jsonTextOf(value: unknown): string {
  return value instanceof JsonText ? value.text : JSON.stringify(value);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InvalidArgument('this is no JSON text', {}, { cause: error });
  }
}
