// The description of the REST doors: a page at /docs, JSON at /docs-json.
import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { PROBLEMS } from './problem.js';

const ABOUT = `Every request names its tenant in \`X-Tenant-Id\`.

**Amounts** are text with two places, \`"700.00"\`. **Revisions** (of one account) are numbers; **positions** (in the order of
all events) are text, because they outgrow what a JSON number keeps.

**Reading your own writes.** A write answers a \`position\`, also as \`X-Concord-Position\`. A read that is given it waits until
its answer shows that write: in the header \`X-Concord-Position\` everywhere; as \`?after=\` for one account and for regions;
as \`?afterPosition=\` for lists, whose \`?after=\` is the cursor of the page. After two seconds it answers 504
\`read-model-behind\`. Over GraphQL the position is in \`extensions.concord.position\` of answers and, if you like, of requests.

**Lists** answer \`{items, next}\`: pass \`next\` as \`after\` for the next page; null when it was the last. That of accounts has
\`previous\`, too: pass it as \`before\`. A cursor that does not fit is refused with \`cursor-invalid\`.

**Errors** are problem details (RFC 9457). \`type\` is \`urn:concord:problem:<code>\`; a rule that was broken is named in
\`invariant\`; fields that are wrong are listed in \`errors\`. Codes:

${Object.entries(PROBLEMS)
  .map(([code, { status, title }]) => `- \`${code}\` (${status}): ${title}`)
  .join('\n')}
`;

const PROBLEM = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail'],
  properties: {
    type: { type: 'string', example: 'urn:concord:problem:invariant-broken' },
    title: { type: 'string' },
    status: { type: 'integer', example: 409 },
    detail: { type: 'string' },
    instance: { type: 'string' },
    correlationId: { type: 'string' },
    invariant: { type: 'string', example: 'balance-within-overdraft-limit' },
    errors: {
      type: 'array',
      items: { type: 'object', properties: { field: { type: 'string' }, message: { type: 'string' } } },
    },
  },
} as const;

export function serveOpenApi(app: INestApplication): void {
  const config = new DocumentBuilder().setTitle('Concord bank').setDescription(ABOUT).setVersion('1').build();
  SwaggerModule.setup('docs', app, () => {
    const document = SwaggerModule.createDocument(app, config);
    const components = { ...document.components, schemas: { ...document.components?.schemas, Problem: PROBLEM } };
    return { ...document, components } as unknown as typeof document;
  });
}
