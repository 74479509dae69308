/**
 * Macros of headers that the text forgot to include. Looked for only after a compilation failed, because what comes of
 * such a name (`int BPF_PROG(f, …)`) is a syntax error far from the reason: the text is then read again with the headers
 * there, and each of them is asked for where its first macro is used.
 */
import { PpToken } from '../lexer.ts';
import { Macro } from './macro.ts';
import type { Preprocessor } from './preprocessor.ts';

/** Name of a macro to the header that has it. */
export type Absent = ReadonlyMap<string, string>;

/** Of the names that `pp` met and that are no macros: those that one of the headers defines. `plain`: may such a name be meant? */
export function absentMacros(
  pp: Preprocessor,
  headers: readonly string[],
  text: (path: string) => string | undefined,
  plain: (name: string) => boolean,
): Absent {
  const absent = new Map<string, string>();
  for (const header of headers) {
    for (const [, name = ''] of (text(header) ?? '').matchAll(/^#[ \t]*define[ \t]+(\w+)/gm)) {
      if (absent.has(name) || name.startsWith('___') || pp.macros.get(name) !== null || pp.undefined.has(name)) continue;
      if (/^(?:__|[A-Z0-9_]+$)/.test(name) || plain(name)) absent.set(name, header);
    }
  }
  return absent;
}

/** The macros, which `pp` has, report their header when they are used; once for each. */
export function reportWhenUsed(pp: Preprocessor, absent: Absent): void {
  const reported = new Set<string>();
  for (const [name, header] of absent) {
    const real = pp.macros.get(name);
    if (real === undefined || real === null) continue;
    const builtin = (reader: Preprocessor, token: PpToken): PpToken | undefined => {
      if (real.params !== undefined && !reader.peek().startsWith('('))
        return new PpToken('ident', token.text, token.loc, token.spaceBefore, token.lineStart, true);
      if (!reported.has(header))
        reader.diagnostics.error('missing-include', token.loc, `'${name}' is a macro of <${header}>: include it, '#include <${header}>'`);
      reported.add(header);
      reader.macros.set(name, real);
      reader.again(token);
      return undefined;
    };
    pp.macros.set(name, new Macro(name, 0, undefined, false, [], 'system', builtin));
  }
}
