// Which stores and services the bank's transactions span, beside its own store.
import { InvalidArgument } from '@concord/kernel';
import type { DatabaseOptions } from '@concord/database';

/** The store of the branch: another database. */
export type BranchSettings = Pick<DatabaseOptions, 'url' | 'named' | 'dataFolder'>;

/** Another bank, which takes part in payments to its accounts. */
export interface PartnerSettings {
  readonly url: string;
  /** Shared with it, at least 32 characters. */
  readonly secret: string;
}

/** What there is. */
export interface StoresSettings {
  readonly branch?: BranchSettings;
  readonly partner?: PartnerSettings;
}

const BRANCH_DATABASE = 'concord_branch';

/**
 * From the environment. The branch is in BRANCH_DATABASE_URL; without, in a second database of the embedded PostgreSQL, and
 * nowhere where DATABASE_URL names a server of your own. The partner is where PARTNER_URL says. Errors: InvalidArgument.
 */
export function storesSettings(environment: NodeJS.ProcessEnv = process.env): StoresSettings {
  return { ...branchIn(environment), ...partnerIn(environment) };
}

function branchIn({ BRANCH_DATABASE_URL: url, DATABASE_URL: own }: NodeJS.ProcessEnv): StoresSettings {
  if (url === 'off') return {};
  if (url) return { branch: { url } };
  return own ? {} : { branch: { named: { name: BRANCH_DATABASE, create: true } } };
}

function partnerIn({ PARTNER_URL: url, PARTNER_SECRET: secret = '' }: NodeJS.ProcessEnv): StoresSettings {
  if (!url) return {};
  if (!URL.canParse(url)) throw new InvalidArgument(`PARTNER_URL is such as http://127.0.0.1:3100, not "${url}"`);
  if (secret === '') {
    throw new InvalidArgument(
      'PARTNER_URL needs PARTNER_SECRET, which the partner has, too: make one with "openssl rand -base64 48"',
    );
  }
  return { partner: { url, secret } };
}
