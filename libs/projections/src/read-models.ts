// The way to rows for code that reads: entries run their work within read().
import { Injectable } from '@nestjs/common';
import { Database } from '@concord/database';
import { readingRows } from './row-scope.js';

/** Gives reading code its rows. */
@Injectable()
export class ReadModels {
  constructor(private readonly database: Database) {}

  /** Runs `work`, and all that it awaits, with Active Records that can be found and not changed. */
  read<T>(work: () => T): T {
    return readingRows(this.database, work);
  }
}
