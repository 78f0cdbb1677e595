// What a user's own tests import.
export { createTestDatabase, type TestDatabase } from './test-database.js';
