// The keys that wrap the keys of data subjects. They come from configuration and are never stored; what was wrapped by a
// former one is still read, and wrapped anew by the present one when it is asked for.
import { createHash, createSecretKey, type KeyObject } from 'node:crypto';
import { InvalidArgument } from '@concord/kernel';
import { decrypt, encryptKey } from './data-key.js';
import { SubjectKeyMissing } from './errors.js';

/** Whose key it is. */
export interface KeyPlace {
  readonly tenant: string;
  readonly subject: string;
  readonly generation: number;
}

/** A key as it is stored. */
export interface WrappedKey {
  readonly wrapped: Buffer;
  readonly masterKeyId: string;
}

const LENGTH = 32;

/** The master keys of an app. */
export class MasterKeys {
  /** Of the present key, by which new ones are wrapped. */
  readonly id: string;
  private readonly keys = new Map<string, KeyObject>();

  /** Each is 32 bytes in base64: `openssl rand -base64 32`. Errors: InvalidArgument, which never shows a key. */
  constructor(present: string, former: readonly string[] = []) {
    this.id = this.add(present, 'CONCORD_MASTER_KEY');
    for (const key of former) this.add(key, 'CONCORD_FORMER_MASTER_KEYS');
  }

  wrap(secret: Buffer, place: KeyPlace): WrappedKey {
    const key = this.keys.get(this.id) as KeyObject;
    return { wrapped: encryptKey(key, textOf(place), secret), masterKeyId: this.id };
  }

  /** Errors: SubjectKeyMissing. */
  unwrap({ wrapped, masterKeyId }: WrappedKey, place: KeyPlace): Buffer {
    const key = this.keys.get(masterKeyId);
    const { subject } = place;
    if (!key) {
      throw new SubjectKeyMissing(
        `the key of subject "${subject}" was wrapped by master key ${masterKeyId}: add it to CONCORD_FORMER_MASTER_KEYS`,
        { subject, masterKeyId },
      );
    }
    const secret = decrypt(key, textOf(place), wrapped);
    if (secret) return secret;
    throw new SubjectKeyMissing(`the key of subject "${subject}" is damaged: bring its row back from a backup`, {
      subject,
    });
  }

  private add(base64: string, name: string): string {
    const key = Buffer.from(base64.trim(), 'base64');
    if (key.length !== LENGTH || key.toString('base64') !== base64.trim()) {
      throw new InvalidArgument(
        `${name} is no key of ${LENGTH} bytes in base64: make one with openssl rand -base64 ${LENGTH}`,
      );
    }
    const id = createHash('sha256').update('concord master key').update(key).digest('hex').slice(0, 16);
    this.keys.set(id, createSecretKey(key));
    return id;
  }
}

function textOf({ tenant, subject, generation }: KeyPlace): string {
  return JSON.stringify(['concord subject key', tenant, subject, generation]);
}
