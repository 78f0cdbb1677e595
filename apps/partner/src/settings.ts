// The settings of the partner bank, from the environment.
import type { DatabaseOptions } from '@concord/database';
import { InvalidArgument, wholeNumberSetting } from '@concord/kernel';

const DATABASE = 'concord_partner';

export class PartnerSettings {
  readonly host: string;
  readonly port: number;
  readonly database: Pick<DatabaseOptions, 'url' | 'named'>;
  /** Shared with the bank. */
  readonly secret: string;
  /** Where it asks what was decided, should it hear nothing. */
  readonly bankUrl: string;

  /** Errors: InvalidArgument that names the variable. */
  constructor(environment: NodeJS.ProcessEnv = process.env) {
    this.host = environment['PARTNER_HOST'] || '127.0.0.1';
    this.port = wholeNumberSetting(environment, 'PARTNER_PORT', 3100, 65_535);
    const url = environment['PARTNER_DATABASE_URL'];
    this.database = url ? { url } : { named: { name: DATABASE, create: true } };
    this.secret = environment['PARTNER_SECRET'] ?? '';
    if (this.secret === '') {
      throw new InvalidArgument('set PARTNER_SECRET, here and for the bank: make one with "openssl rand -base64 48"');
    }
    this.bankUrl = environment['BANK_URL'] || 'http://127.0.0.1:3000';
    if (!URL.canParse(this.bankUrl))
      throw new InvalidArgument(`BANK_URL is such as http://127.0.0.1:3000, not "${this.bankUrl}"`);
  }
}
