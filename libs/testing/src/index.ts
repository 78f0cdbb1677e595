// What a user's own tests import.
export { createTestDatabase, type TestDatabase, urlOf, withClient } from './test-database.js';
export { ensureTemplate } from './test-template.js';
