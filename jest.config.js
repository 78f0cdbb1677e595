// Jest 30 with specs that Node itself loads (docs/adr/0029-specs-run-on-nodes-own-modules.md): nothing here transforms.
export default {
  roots: ['<rootDir>/apps', '<rootDir>/libs', '<rootDir>/test'],
  testEnvironment: '<rootDir>/test/native/environment.js',
  runtime: '<rootDir>/test/native/runtime.js',
  globalSetup: '<rootDir>/test/global-setup.mts',
  globalTeardown: '<rootDir>/test/global-teardown.mts',
  testMatch: ['**/*.spec.ts'],
  transform: {},
  // Many specs wait for leases, clocks and other processes: with one worker two cores were idle half of the time.
  maxWorkers: 2,
  testTimeout: 60_000,
  reporters: ['default', '<rootDir>/test/closing-line-reporter.js'],
};
