/** The few flags of a C compiler that mean something here. */
import { UsageError } from '../kernel/errors.ts';

export interface CompilerFlags {
  /** As -D takes them: 'X', 'X=1'. */
  readonly defines: readonly string[];
  readonly includes: readonly string[];
}

/** `-DX`, `-DX=1`, `-Ifolder`, also with the value as a word of its own. `-W…`, `-O…`, `-g`, `-f…` and `-m…` are accepted and mean nothing. */
export function parseCflags(flags: readonly string[]): CompilerFlags {
  const defines: string[] = [];
  const includes: string[] = [];
  for (let i = 0; i < flags.length; i++) {
    const flag = flags[i] as string;
    const kind = flag.slice(0, 2);
    if (/^-[WOgfm]/.test(flag)) continue;
    if (kind !== '-D' && kind !== '-I') throw new UsageError(`cflags: '${flag}' is not known (-D and -I are)`);
    const value = flag.length > 2 ? flag.slice(2) : flags[++i];
    if (value === undefined) throw new UsageError(`cflags: '${flag}' needs a value`);
    (kind === '-I' ? includes : defines).push(value);
  }
  return { defines, includes };
}
