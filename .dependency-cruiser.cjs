// Who may import whom, as rules that fail the build. test/architecture plants one violation per rule and expects it caught.
// The floors are those of docs and CONTRIBUTING.md: a lib imports only from floors below its own.
// What kills and inspects the embedded PostgreSQL and freezes migrations has to know their insides.
const WHITE_BOX = '^test/(?:fixtures/data-folder|update-schema-snapshot)\\.ts$';
const { existsSync, readdirSync } = require('node:fs');
const { join } = require('node:path');

const FLOORS = {
  kernel: 0,
  domain: 1,
  database: 1,
  tenancy: 1,
  telemetry: 1,
  'event-store': 2,
  locking: 2,
  subscriptions: 3,
  commanding: 3,
  privacy: 3,
  projections: 4,
  coordination: 4,
  testing: 5,
};

const SPEC = '\\.spec\\.ts$';
const APP_DOMAIN = '^apps/[^/]+/src/[^/]+/domain/';
/** The folders of which a context has at least one; a folder of an app that has none of them (cli/, say) is no context. */
const CONTEXT_PARTS = ['domain', 'application', 'read-models', 'api'];

const rule = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

/** One rule per lib: what is not below it is out of its reach. (Who may import the test kit is a rule of its own.) */
function floorRules() {
  return Object.entries(FLOORS).map(([lib, floor]) => {
    const withinReach = Object.keys(FLOORS).filter((other) => FLOORS[other] < floor);
    return rule(
      `floor-of-${lib}`,
      `libs/${lib} is on floor ${floor}: it imports only from the floors below.`,
      { path: `^libs/${lib}/` },
      { path: '^libs/', pathNot: `^libs/(${[lib, 'testing', ...withinReach].join('|')})/` },
    );
  });
}

/** One rule per context: the other contexts of its app are out of its reach. */
function contextRules() {
  return foldersIn('apps').flatMap((app) => {
    const source = join('apps', app, 'src');
    const contexts = foldersIn(source).filter((name) =>
      CONTEXT_PARTS.some((part) => existsSync(join(source, name, part))),
    );
    return contexts.map((context) =>
      rule(
        'contexts-are-islands',
        'Contexts meet through integration events, extension points or the gateway, never by import.',
        { path: `^apps/${app}/src/${context}/` },
        { path: `^apps/${app}/src/(${contexts.join('|')})/`, pathNot: `^apps/${app}/src/${context}/` },
      ),
    );
  });
}

function foldersIn(path) {
  if (!existsSync(path)) return [];
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? entry.name : []));
}

const reach = [
  rule(
    'known-lib',
    `A lib has a floor: add it to FLOORS in .dependency-cruiser.cjs.`,
    { path: '^libs/', pathNot: `^libs/(${Object.keys(FLOORS).join('|')})/` },
    {},
  ),
  rule(
    'lib-through-its-index',
    'A lib is imported as @concord/<lib>; what its index does not export is its own affair.',
    { path: '^(?:libs/([^/]+)|apps|bench|test)/', pathNot: WHITE_BOX },
    { path: '^libs/', pathNot: ['^libs/$1/', '^libs/[^/]+/src/index\\.ts$'] },
  ),
  rule(
    'lib-by-its-name',
    'Write @concord/<lib>, not a path into the folder of another lib.',
    { path: '^(?:libs/([^/]+)|apps|bench|test)/', pathNot: WHITE_BOX },
    { path: '^libs/', pathNot: '^libs/$1/', dependencyTypesNot: ['aliased'] },
  ),
  rule(
    'libs-know-no-app',
    'Apps are built from libs, never the other way round.',
    { path: '^libs/' },
    { path: '^apps/' },
  ),
  rule(
    'apps-are-islands',
    'Apps meet over the network, never by import.',
    { path: '^apps/([^/]+)/' },
    { path: '^apps/', pathNot: '^apps/$1/' },
  ),
  rule(
    'domain-looks-inward',
    "A context's domain knows none of the layers around it.",
    { path: '^(apps/[^/]+/src/[^/]+)/domain/' },
    { path: '^$1/(application|read-models|api)/' },
  ),
  rule(
    'domain-uses-pure-libs',
    "A context's domain is built from @concord/kernel and @concord/domain; its specs may use @concord/testing.",
    { path: APP_DOMAIN },
    { path: '^libs/', pathNot: '^libs/(kernel|domain|testing)/' },
  ),
  rule('no-cycle', 'Two files that import each other are one file, or three.', {}, { circular: true }),
];

const packages = [
  rule(
    'kernel-imports-nothing',
    'The kernel is for every floor: node builtins and uuid only.',
    { path: '^libs/kernel/', pathNot: SPEC },
    { pathNot: ['^libs/kernel/', '(^|/)node_modules/uuid/'], dependencyTypesNot: ['core'] },
  ),
  rule(
    'domain-without-frameworks',
    'The kernel and everything called domain run without Nest, TypeORM and PostgreSQL.',
    { path: `^libs/(kernel|domain)/|${APP_DOMAIN}` },
    { path: '(^|/)node_modules/(@nestjs/|typeorm/|pg/|pg-[^/]+/|@types/pg/)|^(@nestjs/|typeorm|pg($|/|-))' },
  ),
  rule(
    'peers-only-in-bench',
    'The event stores we compare with are imported by the comparison and by nothing else.',
    { pathNot: '^bench/' },
    { path: '(^|node_modules/)(@event-driven-io|@eventide|@dbos-inc)/' },
  ),
  rule(
    'production-without-dev-dependencies',
    'What runs in production is in dependencies. (@concord/testing runs in tests.)',
    { path: '^(apps|libs)/', pathNot: [SPEC, '^libs/testing/'] },
    { dependencyTypes: ['npm-dev'], pathNot: '(^|/)node_modules/@types/' },
  ),
  rule(
    'declared-packages-only',
    'A package that is imported is named in package.json.',
    { path: '^(apps|libs|test)/' },
    { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'npm-bundled'] },
  ),
  rule(
    'one-kurrent-client',
    '@kurrent/kurrentdb-client and @eventstore/db-client use one global protobuf namespace: only the second is loaded.',
    {},
    { path: '(^|node_modules/)@kurrent/' },
  ),
  rule(
    'kurrent-behind-the-port',
    "The client of KurrentDB is the adapter's matter; apps/eventstore speaks its protocol, and tests look at both.",
    { path: '^(apps|libs|bench)/', pathNot: [SPEC, '^libs/event-store/src/kurrent/', '^apps/eventstore/', '^bench/'] },
    { path: '(^|node_modules/)(@eventstore/|@grpc/|google-protobuf)' },
  ),
  rule(
    'redis-behind-the-ports',
    'What Redis is used for is the affair of the adapter that uses it.',
    { path: '^(apps|libs)/', pathNot: [SPEC, '^libs/locking/src/redis/'] },
    { path: '(^|node_modules/)ioredis' },
  ),
  rule(
    'telemetry-behind-its-lib',
    "Spans and metrics are declared in one place, and no SDK is the framework's to choose: OpenTelemetry's API is imported by libs/telemetry, its SDK by tests.",
    { path: '^(apps|libs|bench)/', pathNot: [SPEC, '^libs/telemetry/'] },
    { path: '(^|node_modules/)@opentelemetry/' },
  ),
  rule(
    'telemetry-without-frameworks',
    'libs/telemetry is for every floor above it, with or without Nest, and knows the API only.',
    { path: '^libs/telemetry/', pathNot: SPEC },
    { path: '(^|node_modules/)(@nestjs/|typeorm|pg($|/)|@opentelemetry/(?!api(/|$)))' },
  ),
  rule('resolvable', 'Every import leads to a file.', {}, { couldNotResolve: true }),
];

const testCode = [
  rule(
    'production-without-the-test-kit',
    '@concord/testing is for specs and test/.',
    { pathNot: [SPEC, '^test/', '^libs/testing/'] },
    { path: '^libs/testing/' },
  ),
  rule(
    'production-without-tests',
    'Production code imports nothing from test/. (Specs do: the contract suites are there.)',
    { path: '^(apps|libs|bench)/', pathNot: SPEC },
    { path: '^test/' },
  ),
  rule('nobody-imports-a-spec', 'What two specs share belongs in @concord/testing or test/.', {}, { path: SPEC }),
  rule('nobody-imports-bench', 'Only bench/ imports bench/.', { pathNot: '^bench/' }, { path: '^bench/' }),
];

module.exports = {
  forbidden: [...floorRules(), ...contextRules(), ...reach, ...packages, ...testCode],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|coverage)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      mainFields: ['main', 'types'],
    },
  },
};
