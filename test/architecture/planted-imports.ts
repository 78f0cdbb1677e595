// A small tree that keeps every import rule, and then one file for each way to break one.
import { cpSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ROOT } from './cruise.js';

/** Imports that are right: none of them may be reported. */
const SOUND: Readonly<Record<string, readonly string[]>> = {
  'libs/kernel/src/index.ts': ['node:crypto', 'uuid', './event.js'],
  'libs/kernel/src/event.ts': [],
  'libs/kernel/src/event.spec.ts': ['./event.js', 'fast-check'],
  'libs/domain/src/index.ts': ['@concord/kernel'],
  'libs/database/src/index.ts': ['@concord/kernel', 'pg', 'typeorm', '@nestjs/common'],
  'libs/tenancy/src/index.ts': [],
  'libs/telemetry/src/index.ts': ['@concord/kernel', '@opentelemetry/api'],
  'libs/telemetry/src/spans.spec.ts': ['@opentelemetry/sdk-trace-node'],
  'libs/event-store/src/index.ts': ['@concord/kernel', '@concord/database', '@concord/tenancy'],
  'libs/event-store/src/kurrent/store.ts': ['@eventstore/db-client', '@grpc/grpc-js'],
  'libs/event-store/src/store.spec.ts': ['@concord/testing', './index.js', '../../../test/shared.js'],
  'libs/locking/src/index.ts': [],
  'libs/locking/src/redis/link.ts': ['ioredis', '@concord/database'],
  'libs/subscriptions/src/index.ts': ['@concord/event-store'],
  'libs/commanding/src/index.ts': ['@concord/locking', '@concord/domain'],
  'libs/privacy/src/index.ts': ['@concord/event-store', '@concord/domain', 'node:crypto'],
  'libs/projections/src/index.ts': ['@concord/subscriptions'],
  'libs/coordination/src/index.ts': ['@concord/commanding'],
  'libs/testing/src/index.ts': ['@concord/projections', '@nestjs/testing'],
  'apps/bank/src/main.ts': ['./ledger/ledger.module.js', '@nestjs/core'],
  'apps/bank/src/cli/import.ts': ['../ledger/ledger.module.js'],
  'apps/bank/src/ledger/ledger.module.ts': ['./domain/account.js', '@concord/projections', '../config/settings.js'],
  'apps/bank/src/ledger/domain/account.ts': ['@concord/domain', '@concord/kernel'],
  'apps/bank/src/ledger/domain/account.spec.ts': ['./account.js', '@concord/testing'],
  'apps/bank/src/ledger/api/accounts.controller.ts': ['../domain/account.js'],
  'apps/bank/src/config/settings.ts': [],
  'apps/bank/src/payments/api/payments.controller.ts': [],
  'apps/delivery/src/main.ts': [],
  'bench/run.ts': ['@concord/event-store'],
  'test/shared.ts': [],
  'test/acceptance/bank.spec.ts': ['../../apps/bank/src/main.js', '@concord/testing'],
};

interface PlantedImport {
  readonly file: string;
  readonly imports: string;
  readonly breaks: readonly string[];
}

const plant = (file: string, imports: string, ...breaks: string[]): PlantedImport => ({ file, imports, breaks });

/** Every way to break a rule, and the rules it breaks. */
export const PLANTED: readonly PlantedImport[] = [
  plant('libs/kernel/src/upward.ts', '@concord/tenancy', 'floor-of-kernel', 'kernel-imports-nothing'),
  plant('libs/kernel/src/upward.spec.ts', '@concord/domain', 'floor-of-kernel'),
  plant('libs/domain/src/sideways.ts', '@concord/tenancy', 'floor-of-domain'),
  plant('libs/database/src/sideways.ts', '@concord/tenancy', 'floor-of-database'),
  plant('libs/telemetry/src/sideways.ts', '@concord/tenancy', 'floor-of-telemetry'),
  plant('libs/tenancy/src/upward.ts', '@concord/event-store', 'floor-of-tenancy'),
  plant('libs/event-store/src/sideways.ts', '@concord/locking', 'floor-of-event-store'),
  plant('libs/locking/src/upward.ts', '@concord/commanding', 'floor-of-locking'),
  plant('libs/subscriptions/src/sideways.ts', '@concord/commanding', 'floor-of-subscriptions'),
  plant('libs/commanding/src/upward.ts', '@concord/projections', 'floor-of-commanding'),
  plant('libs/privacy/src/sideways.ts', '@concord/commanding', 'floor-of-privacy'),
  plant('libs/projections/src/sideways.ts', '@concord/coordination', 'floor-of-projections'),
  plant('libs/coordination/src/sideways.ts', '@concord/projections', 'floor-of-coordination'),
  plant('libs/testing/src/floorless.ts', '../../gadgets/src/index.js', 'floor-of-testing', 'lib-by-its-name'),
  plant('libs/gadgets/src/index.ts', '@concord/kernel', 'known-lib'),
  plant('libs/database/src/deep.ts', '../../kernel/src/event.js', 'lib-through-its-index', 'lib-by-its-name'),
  plant('libs/database/src/relative.ts', '../../kernel/src/index.js', 'lib-by-its-name'),
  plant('apps/bank/src/relative.ts', '../../../libs/kernel/src/index.js', 'lib-by-its-name'),
  plant('test/contract/deep.spec.ts', '../../libs/kernel/src/event.js', 'lib-through-its-index', 'lib-by-its-name'),
  plant('libs/projections/src/app.ts', '../../../apps/bank/src/config/settings.js', 'libs-know-no-app'),
  plant('apps/delivery/src/neighbour.ts', '../../bank/src/config/settings.js', 'apps-are-islands'),
  plant('apps/bank/src/payments/api/other.ts', '../../ledger/domain/account.js', 'contexts-are-islands'),
  plant('apps/bank/src/ledger/domain/outward.ts', '../api/accounts.controller.js', 'domain-looks-inward'),
  plant('apps/bank/src/ledger/domain/store.ts', '@concord/event-store', 'domain-uses-pure-libs'),
  plant('libs/tenancy/src/self.ts', './self.js', 'no-cycle'),
  plant('libs/kernel/src/package.ts', 'rxjs', 'kernel-imports-nothing'),
  plant('libs/kernel/src/nest.spec.ts', '@nestjs/common', 'domain-without-frameworks'),
  plant('libs/domain/src/nest.ts', '@nestjs/common', 'domain-without-frameworks'),
  plant('libs/domain/src/typeorm.ts', 'typeorm', 'domain-without-frameworks'),
  plant('apps/bank/src/ledger/domain/sql.ts', 'pg', 'domain-without-frameworks'),
  plant('apps/bank/src/peer.ts', '@eventide/message-db', 'peers-only-in-bench', 'resolvable'),
  plant('libs/event-store/src/kurrent/newer.ts', '@kurrent/kurrentdb-client', 'one-kurrent-client', 'resolvable'),
  plant('apps/bank/src/kurrent.ts', '@eventstore/db-client', 'kurrent-behind-the-port'),
  plant('apps/bank/src/cache.ts', 'ioredis', 'redis-behind-the-ports'),
  plant('apps/bank/src/spans.ts', '@opentelemetry/api', 'telemetry-behind-its-lib'),
  plant('libs/telemetry/src/nest.ts', '@nestjs/common', 'telemetry-without-frameworks'),
  plant('apps/bank/src/jest.ts', 'fast-check', 'production-without-dev-dependencies'),
  plant('apps/bank/src/undeclared.ts', 'tslib', 'declared-packages-only'),
  plant('libs/tenancy/src/nowhere.ts', './no-such-file.js', 'resolvable'),
  plant('apps/bank/src/test-kit.ts', '@concord/testing', 'production-without-the-test-kit'),
  plant('libs/projections/src/test-kit.ts', '@concord/testing', 'production-without-the-test-kit'),
  plant('libs/projections/src/test.ts', '../../../test/shared.js', 'production-without-tests'),
  plant('test/from-spec.ts', './acceptance/bank.spec.js', 'nobody-imports-a-spec'),
  plant('libs/tenancy/src/bench.ts', '../../../bench/run.js', 'nobody-imports-bench'),
];

/** Writes the sound tree, with the planted files or without, to a folder of its own and returns its path. */
export function writeTree(planted: readonly PlantedImport[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'concord-architecture-'));
  cpSync(join(ROOT, 'package.json'), join(folder, 'package.json'));
  cpSync(join(ROOT, 'tsconfig.json'), join(folder, 'tsconfig.json'));
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'junction');
  for (const [file, imports] of Object.entries(SOUND)) {
    write(
      join(folder, file),
      imports.map((path) => `import '${path}';`),
    );
  }
  // An import of types alone counts as much as any other and is the easiest to overlook.
  for (const { file, imports } of planted) write(join(folder, file), [`import type {} from '${imports}';`]);
  return folder;
}

function write(file: string, lines: readonly string[]): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, [...lines, 'export {};', ''].join('\n'));
}
