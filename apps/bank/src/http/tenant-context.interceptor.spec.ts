// That the context reaches every kind of resolver: the doors of the ledger have no field resolvers yet.
import { setTimeout as sleep } from 'node:timers/promises';
import { Module } from '@nestjs/common';
import { APP_FILTER, APP_INTERCEPTOR, NestFactory } from '@nestjs/core';
import { Field, ObjectType, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { currentMessage } from '@concord/kernel';
import { ReadModels } from '@concord/projections';
import { currentTenant } from '@concord/tenancy';
import { BankAdapter } from './adapter.js';
import { graphQL } from './graphql.js';
import { ProblemFilter } from './problem.filter.js';
import { HttpSettings } from './settings.js';
import { SharedModule } from './shared.module.js';
import { TenantContextInterceptor } from './tenant-context.interceptor.js';

const context = (): string => `${currentTenant()} ${currentMessage()?.correlationId}`;

@ObjectType()
class Thing {
  @Field(() => String)
  root!: string;
}

@Resolver(() => Thing)
class ThingResolver {
  @Query(() => [Thing])
  async things(): Promise<Thing[]> {
    await sleep(1);
    return [{ root: context() }, { root: context() }];
  }

  @ResolveField(() => String)
  async field(@Parent() { root }: Thing): Promise<string> {
    await sleep(1);
    return `${root === context()}`;
  }

  @ResolveField(() => Thing)
  async other(): Promise<Thing> {
    await sleep(1);
    return { root: context() };
  }
}

@Module({
  imports: [SharedModule.of(new HttpSettings({})), graphQL()],
  providers: [
    ThingResolver,
    { provide: ReadModels, useValue: { read: (work: () => unknown) => work() } },
    { provide: APP_INTERCEPTOR, useClass: TenantContextInterceptor },
    { provide: APP_FILTER, useClass: ProblemFilter },
  ],
})
class ThingsModule {}

describe('the tenant context', () => {
  let app: NestFastifyApplication;
  beforeAll(async () => {
    const adapter = new BankAdapter(new HttpSettings({}));
    app = await NestFactory.create<NestFastifyApplication>(ThingsModule, adapter, { logger: false, bodyParser: false });
    await app.init();
  });
  afterAll(() => app.close());

  it('is that of the request in root resolvers and in field resolvers, for many requests at once', async () => {
    const ask = async (index: number): Promise<unknown> => {
      const answer = await app.inject({
        method: 'POST',
        url: '/graphql',
        headers: { 'x-tenant-id': `t${index}`, 'x-correlation-id': `c${index}` },
        payload: { query: '{ things { root field other { root field } } }' },
      });
      return answer.json();
    };
    const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => ask(index)));
    expect(answers).toEqual(
      answers.map((_, index) => {
        const thing = { root: `t${index} c${index}`, field: 'true' };
        return { data: { things: [1, 2].map(() => ({ ...thing, other: thing })) } };
      }),
    );
  });
});
