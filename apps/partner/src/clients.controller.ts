// The doors of the partner bank's own clients. What other banks ask for comes in at /2pc.
import {
  type ArgumentsHost,
  Body,
  Catch,
  Controller,
  type ExceptionFilter,
  Get,
  Headers,
  HttpException,
  Param,
  Post,
} from '@nestjs/common';
import { InvariantBroken } from '@concord/domain';
import { ConcordError, InvalidArgument } from '@concord/kernel';
import { parseTenantId, runInTenant } from '@concord/tenancy';
import { Clients, type ClientView } from './clients.js';

const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const CURRENCY = /^[A-Z]{3}$/;
const STATUS: Readonly<Record<string, number>> = {
  'not-found': 404,
  'invariant-broken': 409,
  'invalid-argument': 400,
  'tenant-missing': 400,
  'tenant-malformed': 400,
};

interface Reply {
  code(status: number): Reply;
  header(name: string, value: string): Reply;
  send(body: string): unknown;
}

/** Problem details (RFC 9457), as everywhere. */
@Catch()
export class Problems implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<Reply>();
    const { status, code, detail } = problemOf(error);
    const body = { type: `urn:concord:problem:${code}`, title: code.replaceAll('-', ' '), status, detail };
    reply.code(status).header('content-type', 'application/problem+json').send(JSON.stringify(body));
  }
}

@Controller('accounts')
export class ClientsController {
  constructor(private readonly clients: Clients) {}

  @Post()
  open(@Body() body: unknown, @Headers('x-tenant-id') tenant?: string): Promise<ClientView> {
    const { accountId, currency } = (body ?? {}) as Readonly<Record<string, unknown>>;
    if (typeof accountId !== 'string' || !ID.test(accountId)) {
      throw new InvalidArgument(
        'accountId starts with a letter or digit and has at most 64 of those, dots, underscores and dashes',
      );
    }
    if (typeof currency !== 'string' || !CURRENCY.test(currency)) {
      throw new InvalidArgument('currency is three capital letters, such as "CZK"');
    }
    return runInTenant(parseTenantId(tenant ?? ''), () => this.clients.open(accountId, currency));
  }

  @Get(':accountId')
  account(@Param('accountId') accountId: string, @Headers('x-tenant-id') tenant?: string): Promise<ClientView> {
    return runInTenant(parseTenantId(tenant ?? ''), () => this.clients.view(accountId));
  }
}

function problemOf(error: unknown): { status: number; code: string; detail: string } {
  if (error instanceof HttpException) {
    return { status: error.getStatus(), code: 'request-refused', detail: error.message };
  }
  if (error instanceof ConcordError) {
    const code = error instanceof InvariantBroken ? 'invariant-broken' : error.code;
    return { status: STATUS[code] ?? 503, code, detail: error.message };
  }
  return { status: 500, code: 'internal-error', detail: 'something went wrong on our side' };
}
