// A few lines to paste, said when the bank has started. They work as they are: the ids are those of accounts that exist.
import type { INestApplicationContext } from '@nestjs/common';
import { ReadModels } from '@concord/projections';
import { runInTenant } from '@concord/tenancy';
import { SAMPLE_TENANT as TENANT } from '../sample/load-sample.js';
import { parseMoney } from '../ledger/domain/money.js';
import { AccountsQuery } from '../ledger/read-models/accounts/accounts.query.js';

const TRANSFERRED = '10.00';
const SEARCHED = 100;

export async function whatToTry(app: INestApplicationContext, url: string): Promise<string> {
  const query = app.get(AccountsQuery, { strict: false });
  const found = await runInTenant(TENANT, () => app.get(ReadModels).read(() => query.page({ limit: SEARCHED })));
  const accounts = found.rows.map(({ account }) => account).filter(({ status }) => status === 'open');
  // The payer can pay, so that the transfer works on its own.
  const payer = accounts.find(({ available }) => available >= parseMoney(TRANSFERRED)) ?? accounts[0];
  const payee = accounts.find(
    ({ accountId, currency }) => accountId !== payer?.accountId && currency === payer?.currency,
  );
  const tenant = `-H 'X-Tenant-Id: ${TENANT}'`;
  const json = `-H 'Content-Type: application/json'`;
  const lines = [
    `The bank listens on ${url}. REST is described at ${url}/docs, GraphQL is at ${url}/graphql.`,
    'Try:',
    `  curl -s ${tenant} ${url}/v1/regions`,
  ];
  if (!payer || !payee) {
    const account = JSON.stringify({ accountId: 'my-first', districtId: 1, currency: 'CZK' });
    lines.push(`  curl -s ${tenant} ${json} -d '${account}' ${url}/v1/accounts`);
    return lines.join('\n');
  }
  const [one, other] = [payer.accountId, payee.accountId];
  const graphql = JSON.stringify({
    query: `{ account(id: "${one}") { balance region revision } regions { region balance } }`,
  });
  const transfer = JSON.stringify({ from: one, to: other, amount: TRANSFERRED });
  lines.push(
    `  curl -s ${tenant} ${url}/v1/accounts/${one}`,
    `  curl -s ${tenant} '${url}/v1/accounts/${one}/statement?limit=5'`,
    `  curl -s ${tenant} ${json} -d '{"amount":"700.00"}' ${url}/v1/accounts/${one}/deposits`,
    `  curl -s ${tenant} ${json} -d '${transfer}' ${url}/v1/transfers`,
    `  curl -s ${tenant} ${json} -d '${graphql}' ${url}/graphql`,
  );
  return lines.join('\n');
}
