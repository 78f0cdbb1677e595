// Encryption under the key of one data subject: AES-256-GCM with a nonce that follows from what is sealed, so that the same
// event is sealed to the same text and a repeat is recognised. See docs/adr/0014 for why that is safe.
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';

const KEY_LENGTH = 32;
const NONCE_LENGTH = 12;
const TAG_LENGTH = 16;
const ALGORITHM = 'aes-256-gcm';

/** A new key, as it is wrapped and stored. */
export function newSecret(): Buffer {
  return randomBytes(KEY_LENGTH);
}

export class DataKey {
  // Not as bytes: those are made into a key at each use, which took four times as long as the rest.
  private readonly encrypting: KeyObject;
  private readonly choosing: KeyObject;

  constructor(secret: Buffer) {
    this.encrypting = derived(secret, 'concord personal data, encryption');
    this.choosing = derived(secret, 'concord personal data, nonces');
  }

  /** `place` has no U+0000: what it and the text are is not to be mistaken. */
  seal(text: string, place: string): string {
    const nonce = createHmac('sha256', this.choosing).update(`${place}\0${text}`).digest().subarray(0, NONCE_LENGTH);
    return encrypt(this.encrypting, { nonce, place, content: Buffer.from(text) }).toString('base64');
  }

  /** Undefined when it was not sealed with this key for this place, or changed since. */
  open(sealed: string, place: string): string | undefined {
    return decrypt(this.encrypting, place, Buffer.from(sealed, 'base64'))?.toString();
  }
}

/** Encrypts what is random itself, with a random nonce. */
export function encryptKey(key: KeyObject, place: string, content: Buffer): Buffer {
  return encrypt(key, { nonce: randomBytes(NONCE_LENGTH), place, content });
}

/** The nonce, the content, the tag. Undefined when it is not what was encrypted for this place. */
export function decrypt(key: KeyObject, place: string, sealed: Buffer): Buffer | undefined {
  if (sealed.length < NONCE_LENGTH + TAG_LENGTH) return undefined;
  const decipher = createDecipheriv(ALGORITHM, key, sealed.subarray(0, NONCE_LENGTH), { authTagLength: TAG_LENGTH });
  decipher.setAAD(Buffer.from(place));
  decipher.setAuthTag(sealed.subarray(-TAG_LENGTH));
  const content = decipher.update(sealed.subarray(NONCE_LENGTH, -TAG_LENGTH));
  try {
    return Buffer.concat([content, decipher.final()]);
  } catch {
    return undefined;
  }
}

function encrypt(key: KeyObject, { nonce, place, content }: { nonce: Buffer; place: string; content: Buffer }): Buffer {
  const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_LENGTH });
  cipher.setAAD(Buffer.from(place));
  return Buffer.concat([nonce, cipher.update(content), cipher.final(), cipher.getAuthTag()]);
}

function derived(secret: Buffer, purpose: string): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync('sha256', secret, '', purpose, KEY_LENGTH)));
}
