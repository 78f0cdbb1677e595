// Why a database and this code's migrations do not fit. Each names the file and says what to do.

/** A migration that this database has applied is another one now. */
export class MigrationChanged extends Error {
  override readonly name = 'MigrationChanged';

  constructor(readonly file: string) {
    super(
      `Migration ${file} was applied to this database with another content. A landed migration is frozen: restore the ` +
        'file (git checkout) and write the change as a new migration. If it never left your machine, drop the ' +
        'database (or the data folder) instead and start again.',
    );
  }
}

/** The database has migrations of newer code. */
export class DatabaseNewerThanCode extends Error {
  override readonly name = 'DatabaseNewerThanCode';

  constructor(readonly migrations: readonly string[]) {
    super(
      `This database has migrations that this code does not know: ${migrations.join(', ')}. It was used by newer code ` +
        '(or a migration file was renamed or deleted): start that version, or use another database.',
    );
  }
}

/** A migration failed; nothing of it was kept. */
export class MigrationFailed extends Error {
  override readonly name = 'MigrationFailed';

  constructor(readonly file: string, reason: string, cause: unknown) {
    super(
      `Migration ${file} failed: ${reason}. Nothing of it was kept, what came before it was. ` +
        'Correct the file and start again.',
      { cause },
    );
  }
}

/** The files of the migrations folder are not numbered as they must be. */
export class MigrationFolderInvalid extends Error {
  override readonly name = 'MigrationFolderInvalid';
}
