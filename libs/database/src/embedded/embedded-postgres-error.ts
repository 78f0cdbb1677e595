// The one error of the embedded PostgreSQL. Its message always ends with what to do next.

export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';
}
