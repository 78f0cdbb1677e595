// The rows of a file as they are meant, or refused: by their columns, their fields, or an id that came before.
import { InvalidArgument } from '@concord/kernel';
import type { CsvFile, CsvLine } from './csv-file.js';
import type { Form } from './forms.js';

/** A row with the line it stands on, or why it is refused. */
export type Read<Row> =
  | { readonly line: number; readonly row: Row; readonly refused?: never }
  | { readonly line: number; readonly refused: string };

/** Keeps the ids it has seen, to find duplicates: about 60 bytes a row. */
export async function* readRows<Row extends { id: string }, Column extends string>(
  file: CsvFile<Column>,
  form: Form<Row, Column>,
): AsyncGenerator<Read<Row>, void> {
  const seen = new Set<string>();
  for await (const csvLine of file.rows()) {
    const read = parse(csvLine, form);
    if (read.refused === undefined && seen.has(read.row.id)) {
      yield { line: read.line, refused: `${form.kind}_id ${read.row.id} is there already, on a line above` };
      continue;
    }
    if (read.refused === undefined) seen.add(read.row.id);
    yield read;
  }
}

function parse<Row extends { id: string }, Column extends string>(
  csvLine: CsvLine<Column>,
  form: Form<Row, Column>,
): Read<Row> {
  const { line } = csvLine;
  if (csvLine.refused !== undefined) return { line, refused: csvLine.refused };
  try {
    return { line, row: form.parse(csvLine.fields) };
  } catch (error) {
    if (error instanceof InvalidArgument) return { line, refused: error.message };
    throw error;
  }
}
