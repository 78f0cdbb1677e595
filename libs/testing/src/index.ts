// What a user's own tests import.
export { assertPure, type PurityOptions } from './assert-pure.js';
export { createTestDatabase, type TestDatabase, urlOf, withClient } from './test-database.js';
export { ensureTemplate } from './test-template.js';
