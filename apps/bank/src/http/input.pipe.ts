// Checks what comes in against its input class. Inputs are flat: a list or an object in a field's place never gets further.
import { type ArgumentMetadata, Injectable, ValidationPipe } from '@nestjs/common';
import type { ValidationError } from 'class-validator';
import { InvalidInput } from './errors.js';

@Injectable()
export class InputPipe extends ValidationPipe {
  constructor() {
    super({
      transform: true,
      whitelist: true,
      forbidNonWhitelisted: true,
      stopAtFirstError: true,
      exceptionFactory: (errors: ValidationError[]) => new InvalidInput(errors.map(fieldError)),
    });
  }

  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    const { metatype } = metadata;
    if (metatype && this.toValidate(metadata)) assertFlat(value);
    return super.transform(value, metadata);
  }
}

// Before anything copies the value: copying goes as deep as the value is nested, which is as deep as the caller likes.
function assertFlat(value: unknown): void {
  if (value === undefined || value === null) return;
  if (typeof value !== 'object' || Array.isArray(value))
    throw new InvalidInput([{ field: 'body', message: 'is a JSON object' }]);
  const nested = Object.entries(value).filter(([, member]) => typeof member === 'object' && member !== null);
  if (nested.length > 0) {
    throw new InvalidInput(
      nested.map(([field]) => ({ field: field.slice(0, 80), message: 'is one value, not a list or an object' })),
    );
  }
}

function fieldError({ property, constraints = {} }: ValidationError): { field: string; message: string } {
  const unknown = constraints['whitelistValidation'] !== undefined;
  return {
    field: property.slice(0, 80),
    message: unknown ? 'is not known here: leave it out' : (Object.values(constraints)[0] ?? 'is not valid'),
  };
}
