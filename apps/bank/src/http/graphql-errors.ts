// The same problems in GraphQL's form: `message` is the detail, `extensions` is the rest.
import { GraphQLError } from 'graphql';
import { type Problem, problemOf } from './problem.js';

interface Execution {
  readonly data?: unknown;
  readonly errors?: readonly GraphQLError[];
}

interface Formatted {
  readonly statusCode: number;
  readonly response: { readonly data: null; readonly errors: GraphQLError[] };
}

export function toGraphQLError({ detail, ...extensions }: Problem): GraphQLError {
  return new GraphQLError(detail, { extensions });
}

/** mercurius' errorFormatter: queries that are refused before they run get their problem here. */
export function formatErrors(execution: Execution): Formatted {
  const errors = (execution.errors ?? []).flatMap(expand).map(describe);
  return {
    statusCode: statusOf(execution, errors),
    response: { data: (execution.data ?? null) as null, errors },
  };
}

/** A query that does not fit the schema comes as one error that carries the real ones. */
function expand(error: GraphQLError): GraphQLError[] {
  const { code, errors = [] } = (error.originalError ?? {}) as { code?: string; errors?: readonly Error[] };
  if (code !== 'MER_ERR_GQL_VALIDATION' || errors.length === 0) return [error];
  return errors.map((one) => ('extensions' in one ? (one as GraphQLError) : new GraphQLError(one.message)));
}

function describe(error: GraphQLError): GraphQLError {
  if (error.extensions['type'] !== undefined) return error;
  // What GraphQL itself finds wrong has no cause: the query is at fault.
  const problem = error.originalError
    ? problemOf(error.originalError)
    : { type: 'urn:concord:problem:bad-query', title: 'The query is not valid', status: 400, detail: error.message };
  const { detail, ...extensions } = problem;
  const { nodes, source, positions, path, originalError } = error;
  return new GraphQLError(detail, { nodes, source, positions, path, originalError, extensions } as object);
}

/** 200 once the query ran, as GraphQL has it, unless it ran for nobody: a request without a tenant is a bad request. */
function statusOf(execution: Execution, errors: readonly GraphQLError[]): number {
  const ran = execution.data !== undefined;
  const forNobody = errors.every((error) => String(error.extensions['type']).includes(':tenant-'));
  if (ran && !forNobody) return 200;
  return Math.max(400, ...errors.map((error) => Number(error.extensions['status'] ?? 400)));
}
