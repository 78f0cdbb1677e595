// What commands print: tables for people, JSON for programs.

type Cell = string | number | bigint | boolean;

/** A table under its title, or a line that says that there is nothing. */
export function printTable(title: string, header: readonly string[], rows: readonly (readonly Cell[])[]): void {
  if (rows.length === 0) return print(`${title}: none`);
  const cells = [header, ...rows.map((row) => row.map(String))];
  const widths = header.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const lines = cells.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  print(`${title}: ${rows.length}\n${lines.join('\n')}\n`);
}

/** Whole numbers that JSON cannot hold are text. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? item.toString() : item), 2));
}

const print = (text: string): void => void process.stdout.write(`${text}\n`);

/** A time span for people. */
export function ageOf(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 100) return `${seconds.toFixed(1)} s`;
  return seconds < 6000 ? `${(seconds / 60).toFixed(0)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

/** Lines as they are. */
export function printLines(lines: readonly string[]): void {
  if (lines.length > 0) print(lines.join('\n'));
}
