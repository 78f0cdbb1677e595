// The bank as its callers meet it: a real server on a port of its own, over a database of its own.
import { CommandBus } from '@nestjs/cqrs';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase } from '@concord/testing';
import { createApp } from '../../apps/bank/src/http/create-app.js';
import { HttpSettings } from '../../apps/bank/src/http/settings.js';
import type { StoresSettings } from '../../apps/bank/src/stores/stores-settings.js';
import { RegisterDistrict } from '../../apps/bank/src/ledger/application/index.js';

/** What came back, whatever it is: the tests say what it has to be. */
export type Json = ReturnType<typeof JSON.parse>;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Json;
}

export interface Asking {
  readonly tenant?: string;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
}

export interface BankUnderTest {
  readonly app: NestFastifyApplication;
  readonly url: string;
  readonly databaseUrl: string;
  get(path: string, asking?: Asking): Promise<Answer>;
  post(path: string, body?: unknown, asking?: Asking): Promise<Answer>;
  put(path: string, body?: unknown, asking?: Asking): Promise<Answer>;
  /** Answers `{data, errors}` as the body. */
  graphql(query: string, asking?: Asking & { variables?: unknown }): Promise<Answer>;
  /** Opens an account with some money in it. */
  open(accountId: string, balance?: string, more?: object, asking?: Asking): Promise<Answer>;
  district(tenant: string, districtId: number, region: string): Promise<void>;
  close(): Promise<void>;
}

export const TENANT = 't1';

const QUIET = { LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'silent', PORT: '0' };

/** `through` turns the address of the database into the one that the bank gets: for a relay in between. */
export async function startBank(
  environment: NodeJS.ProcessEnv = {},
  through: (url: string) => Promise<string> | string = (url) => url,
  stores: StoresSettings = {},
): Promise<BankUnderTest> {
  const database = await createTestDatabase();
  const app = await createApp(
    { url: await through(database.url), ...stores },
    new HttpSettings({ ...QUIET, ...environment }),
  );
  await app.listen(Number(environment['PORT'] ?? 0), '127.0.0.1');
  const url = await app.getUrl();
  const bank: BankUnderTest = {
    app,
    url,
    databaseUrl: database.url,
    get: (path, asking) => call('GET', url + path, asking),
    post: (path, body, asking) => call('POST', url + path, { body, ...asking }),
    put: (path, body, asking) => call('PUT', url + path, { body, ...asking }),
    graphql: (query, { variables, ...asking } = {}) =>
      call('POST', `${url}/graphql`, { ...asking, body: { query, variables } }),
    async open(accountId, balance = '0.00', more = {}, asking = {}) {
      const opened = await bank.post('/v1/accounts', { accountId, districtId: 1, currency: 'CZK', ...more }, asking);
      if (opened.status !== 201) throw new Error(JSON.stringify(opened.body));
      return balance === '0.00' ? opened : bank.post(`/v1/accounts/${accountId}/deposits`, { amount: balance }, asking);
    },
    async district(tenant, districtId, region) {
      const order = { districtId, name: `district ${districtId}`, region, inhabitants: 1 };
      await runInTenant(tenant, () => app.get(CommandBus, { strict: false }).execute(new RegisterDistrict(order)));
    },
    async close() {
      await app.close();
      await database.drop();
    },
  };
  return bank;
}

/** Text bodies are sent as they are. Without a tenant of its own a request is TENANT's; with '' it is nobody's. */
export async function call(
  method: string,
  url: string,
  { tenant = TENANT, headers, body }: Asking = {},
): Promise<Answer> {
  const answer = await fetch(url, {
    method,
    headers: {
      ...(tenant !== '' && { 'x-tenant-id': tenant }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  const json = answer.headers.get('content-type')?.includes('json');
  return { status: answer.status, headers: answer.headers, body: json ? JSON.parse(text) : text };
}

/** What every problem has. */
export function expectProblem(answer: Answer, status: number, code: string): void {
  expect({ status: answer.status, type: answer.body.type, detail: answer.body.detail }).toEqual({
    status,
    type: `urn:concord:problem:${code}`,
    detail: expect.any(String),
  });
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(answer.body).toMatchObject({ status, title: expect.any(String), instance: expect.any(String) });
  expect(answer.body.correlationId).toBe(answer.headers.get('x-correlation-id'));
}
