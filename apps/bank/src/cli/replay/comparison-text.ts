// What a dry run has found, for people and for programs.
import type { ProjectionComparison } from '@concord/projections';
import { table } from '../terminal/table.js';

type Table = ProjectionComparison['tables'][number];
type Difference = Table['first'][number];

/** One line of JSON. Positions are texts: JSON has no numbers of 64 bits. */
export function comparisonLine(comparison: ProjectionComparison): string {
  return JSON.stringify({ ...comparison, position: comparison.position.toString() });
}

export function comparisonText({
  projection,
  tenantId,
  events,
  position,
  equal,
  tables,
}: ProjectionComparison): string {
  const head = `${projection} of ${tenantId}: ${events} events replayed up to position ${position}; nothing was changed`;
  const counts = table([
    ['table', 'rows', 'replayed', 'would be added', 'removed', 'changed'],
    ...tables.map((each) => [each.table, each.rows, each.replayed, each.added, each.removed, each.changed]),
  ]);
  const details = tables.flatMap((each) => detailsOf(each));
  return [head, counts, ...details, equal ? 'equal' : 'different: a rebuild would change rows'].join('\n');
}

function detailsOf(differences: Table): string[] {
  const { table: name, added, removed, changed, columns, first } = differences;
  const byColumn = Object.entries(columns).map(([column, rows]) => `${column} in ${rows}`);
  const lines = byColumn.length > 0 ? [`${name}, changed columns: ${byColumn.join(', ')}`] : [];
  if (first.length > 0) {
    const shown = first.flatMap((difference) => cellsOf(difference));
    lines.push(table([[name, '', 'column', 'is', 'would be'], ...shown]));
  }
  const more = added + removed + changed - first.length;
  return more > 0 ? [...lines, `... and ${more} more rows of ${name}`] : lines;
}

/** A line for each column; of rows that come or go, one for the whole. */
function cellsOf({ what, key, columns }: Difference): string[][] {
  const name = Object.values(key).join(' / ');
  if (what !== 'changed') return [[name, what, '', '', '']];
  return Object.entries(columns).map(([column, { from, to }]) => [name, what, column, from ?? 'null', to ?? 'null']);
}
