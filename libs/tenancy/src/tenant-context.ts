// The one place that knows whose data the running code works on. Every entry sets it; everything beneath asks it.
import { AsyncLocalStorage } from 'node:async_hooks';
import { ConcordError } from '@concord/kernel';

/** A tenant's id: a letter or digit, then letters, digits, dots, underscores or dashes; at most 64 characters. */
export type TenantId = string;

const TENANT_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const storage = new AsyncLocalStorage<TenantId>();

/** Work was started without a tenant. */
export class TenantMissing extends ConcordError {
  readonly code = 'tenant-missing';

  constructor(message = 'no tenant is set: run this within runInTenant(), or send the header X-Tenant-Id') {
    super(message);
  }
}

/** The given tenant id has a form that no tenant has. */
export class TenantMalformed extends ConcordError {
  readonly code = 'tenant-malformed';
}

/** Checks a tenant id that arrived as text. Errors: TenantMissing when empty, TenantMalformed. */
export function parseTenantId(text: string | undefined): TenantId {
  if (text === undefined || text === '') throw new TenantMissing();
  if (!TENANT_ID.test(text)) {
    throw new TenantMalformed(
      'a tenant id starts with a letter or digit and has at most 64 letters, digits, dots, underscores and dashes',
    );
  }
  return text;
}

/** Runs `work`, and all that it awaits, for one tenant. Errors: TenantMissing, TenantMalformed. */
export function runInTenant<T>(tenant: TenantId, work: () => T): T {
  return storage.run(parseTenantId(tenant), work);
}

/** The tenant of the running code. Errors: TenantMissing. */
export function currentTenant(): TenantId {
  const tenant = storage.getStore();
  if (tenant === undefined) throw new TenantMissing();
  return tenant;
}
