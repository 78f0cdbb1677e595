// GraphQL scalars that its own Int and String do not cover.
import { GraphQLError, GraphQLScalarType, Kind, valueFromASTUntyped } from 'graphql';

/** The revision of a stream: a whole number beyond Int's 32 bits, written as a JSON number as REST does. */
export const Revision = new GraphQLScalarType({
  name: 'Revision',
  description: 'A whole number from 0 to 2^53 - 1.',
  serialize: asRevision,
  parseValue: asRevision,
  parseLiteral: (node) => asRevision(node.kind === Kind.INT ? Number(node.value) : undefined),
});

/** JSON as it is. */
export const ExactJson = new GraphQLScalarType({
  name: 'JSON',
  description: 'Any JSON value.',
  serialize: (value) => value,
  parseValue: (value) => value,
  parseLiteral: (node, variables) => valueFromASTUntyped(node, variables),
});

function asRevision(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new GraphQLError('a revision is a whole number, zero or more');
}
