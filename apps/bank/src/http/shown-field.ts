// A field of a view class: said once, for OpenAPI and GraphQL.
import { applyDecorators, type Type } from '@nestjs/common';
import { Field, type ReturnTypeFunc } from '@nestjs/graphql';
import { ApiProperty, type ApiPropertyOptions } from '@nestjs/swagger';
import { ExactJson, Revision } from './scalars.js';

export interface ShownOptions {
  readonly nullable?: boolean;
  readonly example?: unknown;
}

/** Text. */
export function Shown(description: string, options: ShownOptions = {}): PropertyDecorator {
  return shown(() => String, { type: 'string' }, description, options);
}

/** A whole number that JSON and GraphQL's Int keep. */
export function ShownNumber(description: string, options: ShownOptions = {}): PropertyDecorator {
  return shown(() => Number, { type: 'integer' }, description, options);
}

/** The revision of a stream. */
export function ShownRevision(description: string, options: ShownOptions = {}): PropertyDecorator {
  return shown(() => Revision, { type: 'integer', format: 'int64' }, description, options);
}

/** Any JSON. */
export function ShownJson(description: string, options: ShownOptions = {}): PropertyDecorator {
  return shown(() => ExactJson, { type: 'object', additionalProperties: true }, description, options);
}

/** Another view, or a list of them. */
export function ShownView(view: () => Type | [Type], description: string): PropertyDecorator {
  const list = Array.isArray(view());
  return applyDecorators(
    Field(view, { description }),
    ApiProperty({ type: () => [view()].flat()[0], isArray: list, description }),
  );
}

function shown(
  type: ReturnTypeFunc,
  schema: ApiPropertyOptions,
  description: string,
  options: ShownOptions,
): PropertyDecorator {
  const { nullable = false, example } = options;
  return applyDecorators(
    Field(type, { nullable, description }),
    ApiProperty({ ...schema, description, nullable, ...(example !== undefined && { example }) }),
  );
}
