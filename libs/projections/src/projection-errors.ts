// What can be wrong with how projections are declared.
import { ConcordError } from '@concord/kernel';

/** Two projections write the rows of one class. */
export class RowsProjectedTwice extends ConcordError {
  readonly code = 'rows-projected-twice';

  constructor(rowClass: string, one: string, other: string) {
    super(
      `projections "${one}" and "${other}" both list ${rowClass}, and a rebuild of one would empty the other's rows: ` +
        'give each a row class and a table of its own, or make them one projection',
    );
  }
}

/** A version of a projection was deployed with another partitioning. */
export class PartitioningChanged extends ConcordError {
  readonly code = 'partitioning-changed';

  constructor(name: string, version: number, { is, wanted }: { readonly is: number; readonly wanted: number }) {
    super(
      `version ${version} of projection "${name}" was deployed ${partitioned(is)}, and is now declared ${partitioned(wanted)}: ` +
        'its places would not fit. Raise its version, and its rows are built anew; or leave the partitioning as it was',
    );
  }
}

/** A projector does more than write its rows, and so cannot be tried out. */
export class ProjectorReachesOut extends ConcordError {
  readonly code = 'projector-reaches-out';

  constructor(name: string, cause: unknown) {
    super(
      `the projector of "${name}" uses the database beside its rows, and what it does there would be real: let it find and ` +
        'write rows by their classes only',
      {},
      { cause },
    );
  }
}

function partitioned(slices: number): string {
  return slices === 0 ? "as 'single'" : `in ${slices} ${slices === 1 ? 'slice' : 'slices'}`;
}
