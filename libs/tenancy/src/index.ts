// F1: whose data it is. Extension points come here later.
export {
  currentTenant,
  parseTenantId,
  runInTenant,
  type TenantId,
  TenantMalformed,
  TenantMissing,
} from './tenant-context.js';
