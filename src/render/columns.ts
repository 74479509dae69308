/**
 * Columns as BCC prints them: each is a printf format with the space that follows it, so that the line is BCC's to the
 * character. The header takes the same widths. Strings are made safe for the terminal here, and nowhere else.
 *
 *   const columns = new Columns<Open>([
 *     { head: 'PID', format: '%-6d ', value: (e) => e.pid },
 *     { head: 'COMM', format: '%-16s ', value: (e) => e.comm },
 *     wide && { head: 'PATH', format: '%s', value: (e) => e.path },
 *   ]);
 */
import { type PrintfArg, printf } from './printf.ts';
import { safe } from './safe.ts';

export interface Column<R> {
  readonly head: string;
  /** One conversion, with the space behind it. */
  readonly format: string;
  readonly value: (record: R) => PrintfArg;
}

/** printf's conversion: flags, width, precision, type. */
const CONVERSION = /%([-+ 0#]*)(\d*)(\.\d+)?(?:hh|h|ll|l|z)?([sdiuxXofcp])/;

export class Columns<R> {
  /** The heads, at the widths of their columns. */
  readonly header: string;
  private readonly columns: readonly Column<R>[];

  /** What is false, an optional column that was not asked for, is left out. */
  constructor(columns: readonly (Column<R> | false | undefined)[]) {
    this.columns = columns.filter((column) => column !== false && column !== undefined);
    this.header = this.columns.map(headText).join('');
  }

  row(record: R): string {
    let line = '';
    for (const { format, value } of this.columns) {
      const field = value(record);
      line += printf(format, typeof field === 'string' ? safe(field) : field);
    }
    return line;
  }
}

/** A number's column is as wide in the header; precision cuts strings alone ('%-12.12s'). */
function headText({ head, format }: Column<never>): string {
  const [conversion = '', flags = '', width = '', precision, type] = CONVERSION.exec(format) ?? [];
  if (conversion === '') throw new TypeError(`a column needs a printf conversion: ${JSON.stringify(format)}`);
  const cut = type === 's' && precision !== undefined ? head.slice(0, Number(precision.slice(1))) : head;
  const text = flags.includes('-') ? cut.padEnd(Number(width)) : cut.padStart(Number(width));
  return format.replace(conversion, () => text);
}
