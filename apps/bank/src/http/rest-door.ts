// What every REST controller says about itself, and what every route that writes does.
import {
  applyDecorators,
  type CallHandler,
  type ExecutionContext,
  HttpCode,
  Injectable,
  type NestInterceptor,
  type Type,
  UseInterceptors,
} from '@nestjs/common';
import { ApiDefaultResponse, ApiHeader, ApiResponse, ApiTags } from '@nestjs/swagger';
import { type Observable, tap } from 'rxjs';
import { type FastifyReply } from './fastify.js';

const POSITION_HEADER = {
  'X-Concord-Position': { description: 'Of this change, for reads that shall show it.', schema: { type: 'string' } },
} as const;

/** Puts the position of a write, where it has one, into the header that reads take it from. */
@Injectable()
class PositionHeader implements NestInterceptor<{ position?: string }> {
  intercept(context: ExecutionContext, next: CallHandler<{ position?: string }>): Observable<{ position?: string }> {
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    return next.handle().pipe(
      tap(({ position }) => {
        if (position !== undefined) reply.header('x-concord-position', position);
      }),
    );
  }
}

/** A controller of tenants' data. */
export function RestDoor(tag: string): ClassDecorator {
  return applyDecorators(
    ApiTags(tag),
    ApiHeader({
      name: 'X-Tenant-Id',
      required: true,
      description: 'Whose data it is.',
      schema: { type: 'string', default: 'demo' },
    }),
    ApiHeader({ name: 'X-Correlation-Id', required: false, description: 'Comes back, and is kept with the events.' }),
    ApiDefaultResponse({
      description: 'A problem (RFC 9457).',
      content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
    }),
  );
}

/** A route that answers what it changed. */
export function Writes(status: 200 | 201, view: Type): MethodDecorator {
  return applyDecorators(
    HttpCode(status),
    UseInterceptors(PositionHeader),
    ApiHeader({ name: 'Idempotency-Key', required: false, description: 'The same key at the same place: done once.' }),
    ApiResponse({ status, type: view, headers: POSITION_HEADER, description: 'Done.' }),
  );
}

/** A route that answers a question. */
export function Reads(view: Type | [Type]): MethodDecorator {
  return applyDecorators(
    ApiHeader({
      name: 'X-Concord-Position',
      required: false,
      description: 'Waits until the answer shows this position.',
    }),
    ApiResponse({ status: 200, type: view, description: 'The answer.' }),
  );
}
