// Who calls: names and passwords from the settings, sent as basic authorization. Passwords are kept as scrypt hashes only,
// and who was verified once is recognised by a keyed digest, for a hash takes some 50 ms and credentials come with each call.
import { createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { ConcordError, InvalidArgument } from '@concord/kernel';

/** A caller, and the names under which rights may be given to it. */
export interface User {
  readonly name: string;
  readonly roles: ReadonlySet<string>;
}

/** Nobody is known by these credentials. */
export class NotAuthenticated extends ConcordError {
  readonly code = 'not-authenticated';

  constructor() {
    super('give the name and password of a user of this server');
  }
}

interface Secret {
  readonly salt: Buffer;
  readonly hash: Buffer;
}

/** May do everything. */
export const ADMINS = '$admins';
/** May manage what is nobody's stream: persistent subscriptions. */
export const OPERATORS = '$ops';
/** Everybody who is known. */
export const ALL = '$all';
// As in EventStoreDB, these two are in groups of their own from the start.
const GROUPS: Readonly<Record<string, string>> = { admin: ADMINS, ops: OPERATORS };
const EVERYBODY: User = { name: '', roles: new Set([ADMINS, ALL]) };
const NOBODY_IN_PARTICULAR: User = { name: '', roles: new Set([ALL]) };
const MAX_REMEMBERED = 1000;
const BYTES = 32;
const hashOf = promisify<string, Buffer, number, Buffer>(scrypt);

/** Has the rights that everybody has, by the same text as Users.fromText. */
export function anybody(text: string): User {
  return text === '' ? EVERYBODY : NOBODY_IN_PARTICULAR;
}

export class Users {
  private readonly key = randomBytes(BYTES);
  private readonly verified = new Map<string, User>();

  private constructor(private readonly secrets: ReadonlyMap<string, Secret>) {}

  /** `name:password,...`; empty: nobody is asked who they are. Errors: InvalidArgument, which shows no password. */
  static async fromText(text: string): Promise<Users> {
    const secrets = new Map<string, Secret>();
    for (const pair of text.split(',').filter((part) => part !== '')) {
      const [, name, password] = /^([^:$]+):(.+)$/su.exec(pair) ?? [];
      if (name === undefined || password === undefined || secrets.has(name)) {
        throw new InvalidArgument('EVENTSTORE_USERS is name:password,name:password,... and names each user once');
      }
      const salt = randomBytes(BYTES);
      secrets.set(name, { salt, hash: await hashOf(password, salt, BYTES) });
    }
    return new Users(secrets);
  }

  /** Without users everybody is an administrator. Errors: NotAuthenticated. */
  async authenticate(authorization: string | undefined): Promise<User> {
    if (this.secrets.size === 0) return EVERYBODY;
    if (authorization === undefined) throw new NotAuthenticated();
    const digest = createHmac('sha256', this.key).update(authorization).digest('base64');
    const known = this.verified.get(digest);
    if (known) return known;
    const user = await this.verify(authorization);
    if (this.verified.size >= MAX_REMEMBERED) this.verified.clear();
    this.verified.set(digest, user);
    return user;
  }

  private async verify(authorization: string): Promise<User> {
    const [, encoded = ''] = /^basic (.+)$/i.exec(authorization) ?? [];
    const [, name = '', password = ''] = /^([^:]*):(.*)$/su.exec(Buffer.from(encoded, 'base64').toString()) ?? [];
    const secret = this.secrets.get(name);
    // An unknown name takes as long as a wrong password.
    const { salt, hash } = secret ?? { salt: this.key, hash: this.key };
    const same = timingSafeEqual(await hashOf(password, salt, BYTES), hash);
    if (!secret || !same) throw new NotAuthenticated();
    const group = GROUPS[name];
    return { name, roles: new Set([name, ALL, ...(group === undefined ? [] : [group])]) };
  }
}
