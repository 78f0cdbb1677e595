// The bounded context, and an app around it.
import { CommandHandler } from '@nestjs/cqrs';
import { type DynamicModule, Injectable, Module } from '@nestjs/common';
import { Aggregates, CommandingModule, DomainCommand, type Handles } from '@concord/commanding';
import { DatabaseModule } from '@concord/database';
import { EventStoreModule } from '@concord/event-store';
import { PrivacyModule, type PrivacyOptions } from '@concord/privacy';
import { ProjectionsModule } from '@concord/projections';
import { MemberRow, MembersProjector } from './member-rows.js';
import { type Address, Member, membersPersonal } from './members.js';

export class JoinClub extends DomainCommand<{ memberId: string; name: string; address: Address }> {}

@CommandHandler(JoinClub)
@Injectable()
export class JoinClubHandler implements Handles<JoinClub> {
  constructor(private readonly aggregates: Aggregates) {}

  async execute({ order: { memberId, name, address } }: JoinClub): Promise<void> {
    (await this.aggregates.load(Member, memberId)).join(name, address, '2026-11-22');
  }
}

@Module({
  imports: [PrivacyModule.forContext({ personal: membersPersonal }), CommandingModule.forContext([JoinClub])],
  providers: [JoinClubHandler, MembersProjector],
})
export class ClubModule {}

@Module({})
export class ClubApp {
  static forDatabase(url: string, archiveFolder: string, privacy: PrivacyOptions = {}): DynamicModule {
    return {
      module: ClubApp,
      imports: [
        DatabaseModule.forRoot({ url, rows: [MemberRow] }),
        EventStoreModule.forRoot({ archiveFolder }),
        PrivacyModule.forRoot(privacy),
        CommandingModule.forRoot(),
        ProjectionsModule.forRoot(),
        ClubModule,
      ],
    };
  }
}
