// Nest wiring: gathers what contexts have declared to be personal, and gives the event store its seal at boot.
import { type DynamicModule, Inject, Injectable, Module, type OnModuleInit, Optional } from '@nestjs/common';
import { DiscoveryModule, DiscoveryService } from '@nestjs/core';
import { Database } from '@concord/database';
import type { Personal } from '@concord/domain';
import { EventStore } from '@concord/event-store';
import { InvalidArgument } from '@concord/kernel';
import { DataSubjects } from './data-subjects.js';
import { Declarations } from './declarations.js';
import { MasterKeys } from './master-keys.js';
import { personalData } from './open-personal-data.js';
import { PostgresSubjectKeys } from './postgres-subject-keys.js';
import { SubjectKeys } from './subject-keys.js';

/** Master keys, each 32 bytes in base64. The former ones still open what they have wrapped. */
export interface PrivacyOptions {
  readonly masterKey?: string;
  readonly formerMasterKeys?: readonly string[];
}

/** What one bounded context has declared to be personal. */
class ContextPersonal {
  constructor(readonly personal: readonly Personal[]) {}
}

@Injectable()
class PersonalRegistry implements OnModuleInit {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly store: EventStore,
    @Inject(SubjectKeys) private readonly keys: SubjectKeys,
    @Optional() @Inject(MasterKeys) private readonly masterKeys?: MasterKeys,
  ) {}

  /** Errors: InvalidArgument for a declaration that cannot hold, and for personal fields without a master key. */
  onModuleInit(): void {
    const contexts = this.discovery
      .getProviders()
      .map((provider) => provider.instance as unknown)
      .filter((instance) => instance instanceof ContextPersonal);
    const declarations = new Declarations(contexts.flatMap(({ personal }) => personal));
    if (this.masterKeys) this.store.useSeal(personalData(declarations, this.keys, this.masterKeys));
    else if (!declarations.isEmpty) {
      throw new InvalidArgument(
        'events have personal fields and there is no master key: set CONCORD_MASTER_KEY (openssl rand -base64 32)',
      );
    }
  }
}

/** Makes personal fields forgettable. */
@Module({})
export class PrivacyModule {
  // So that forContext() without forRoot() does not start, instead of leaving everything in the clear.
  constructor(@Inject(DataSubjects) private readonly subjects: DataSubjects) {}

  /**
   * A global DataSubjects, and the seal of the global EventStore. Without `masterKey`: CONCORD_MASTER_KEY, and
   * CONCORD_FORMER_MASTER_KEYS with commas between them. Errors: InvalidArgument for a key that is none.
   */
  static forRoot(options: PrivacyOptions = {}): DynamicModule {
    const masterKeys = masterKeysOf(options);
    return {
      module: PrivacyModule,
      global: true,
      imports: [DiscoveryModule],
      providers: [
        {
          provide: SubjectKeys,
          useFactory: (database: Database) => new PostgresSubjectKeys(database),
          inject: [Database],
        },
        ...(masterKeys ? [{ provide: MasterKeys, useValue: masterKeys }] : []),
        DataSubjects,
        PersonalRegistry,
      ],
      exports: [DataSubjects],
    };
  }

  /** In each bounded context that has any: its personal fields. What cannot hold stops the start. */
  static forContext({ personal }: { readonly personal: readonly Personal[] }): DynamicModule {
    const token = `ContextPersonal(${personal.map(({ type, subject }) => `${type} ${subject}`).join()})`;
    return { module: PrivacyModule, providers: [{ provide: token, useValue: new ContextPersonal(personal) }] };
  }
}

function masterKeysOf({ masterKey, formerMasterKeys }: PrivacyOptions): MasterKeys | undefined {
  const present = masterKey ?? process.env['CONCORD_MASTER_KEY'];
  const former = formerMasterKeys ?? process.env['CONCORD_FORMER_MASTER_KEYS']?.split(',') ?? [];
  return present
    ? new MasterKeys(
        present,
        former.filter((key) => key.trim() !== ''),
      )
    : undefined;
}
