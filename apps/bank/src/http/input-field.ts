// A field of an input class: said once, read three times (validation, OpenAPI, GraphQL).
import { applyDecorators } from '@nestjs/common';
import { Field, type ReturnTypeFunc } from '@nestjs/graphql';
import { ApiProperty } from '@nestjs/swagger';
import { IsOptional, ValidateBy } from 'class-validator';

export interface FieldOptions {
  readonly optional?: boolean;
  readonly description?: string;
}

/** What all fields of one kind have in common. Text, unless it says otherwise. */
export interface FieldKind {
  readonly check: (value: unknown) => boolean;
  /** Completes "<field> ..": says what to send. */
  readonly message: string;
  readonly description: string;
  readonly example?: string | number;
  readonly pattern?: RegExp;
  readonly graphql?: ReturnTypeFunc;
  readonly integer?: { readonly minimum: number; readonly maximum: number };
}

export function inputField(kind: FieldKind, options: FieldOptions = {}): PropertyDecorator {
  const { optional = false, description = kind.description } = options;
  return applyDecorators(
    Field(kind.graphql ?? (() => String), { nullable: optional, description }),
    ApiProperty({ required: !optional, description, ...schemaOf(kind) }),
    ...(optional ? [IsOptional()] : []),
    ValidateBy({ name: kind.description, validator: { validate: kind.check, defaultMessage: () => kind.message } }),
  );
}

function schemaOf({ example, pattern, integer }: FieldKind): object {
  return {
    ...(integer ? { type: 'integer', ...integer } : { type: 'string' }),
    ...(example !== undefined && { example }),
    ...(pattern && { pattern: pattern.source }),
  };
}
