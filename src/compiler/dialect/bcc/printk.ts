/**
 * `bpf_trace_printk("…", args…)`: the helper wants the text's size too, and takes three values. What the kernel's
 * printf cannot do is said here, where the user wrote it. More than three values go through `bpf_trace_vprintk`, where the
 * target has it.
 */

import type { Expr } from '../../c/ast.ts';
import type { QualType } from '../../c/types.ts';
import type { Loc } from '../../diagnostics.ts';
import type { DialectContext } from '../dialect.ts';
import { callNamed, number, statementExpression, stringOf } from '../tree.ts';

/** The helper itself, under a name that this function is not called for. */
const HELPER = '__skep_helper_trace_printk';

const MOST_VALUES = 3;
/** First kernel with bpf_trace_vprintk. */
const VPRINTK = 0x051000;

/** Conversions of the kernel's bpf_trace_printk; %% is none. */
const CONVERSION = /%(%|-?\d*(?:hh|h|ll|l|z|j|t)?(?:p(?:S|s|B|I4|i4|I6|i6|ks|us)?|[a-zA-Z]))/g;
const KNOWN = /^-?\d*(?:(?:hh|h|ll|l)?[diux]|c|s|p(?:S|s|B|I4|i4|I6|i6|ks|us)?)$/;

export function tracePrintk(args: readonly Expr[], loc: Loc, context: DialectContext): Expr | undefined {
  const { actions, diagnostics, facts } = context;
  const [format, ...values] = args;
  const text = format === undefined ? undefined : stringOf(format);
  if (format === undefined || text === undefined) {
    // The helper's own form, with a size: BCC programs that know it may use it.
    if (args.length >= 2 && format !== undefined) return undefined;
    diagnostics.error('bad-format', loc, 'bpf_trace_printk needs a string literal as its first argument');
    return actions.intLiteral('0', loc);
  }
  const conversions = [...text.matchAll(CONVERSION)].map((m) => m[1] ?? '').filter((c) => c !== '%');
  for (const c of conversions) {
    if (!KNOWN.test(c))
      diagnostics.warn('bad-format', format.loc, `bpf_trace_printk does not know %${c}; it has %c %s %d %i %u %x with l and ll, and %p`);
  }
  if (conversions.length !== values.length) {
    diagnostics.warn(
      'bad-format',
      format.loc,
      `the format has ${conversions.length} conversion${conversions.length === 1 ? '' : 's'} and there ${values.length === 1 ? 'is 1 value' : `are ${values.length} values`}`,
    );
  }
  if (conversions.length === values.length) checkTypes(conversions, values, context);
  const size = new TextEncoder().encode(text).length + 1;
  if (values.length <= MOST_VALUES) return callNamed(actions, HELPER, [format, number(actions, size, loc), ...values], loc);
  if (facts.kernelVersion >= VPRINTK) return vprintk(format, size, values, loc, context);
  diagnostics.error(
    'too-many-printk-values',
    format.loc,
    `bpf_trace_printk prints at most ${MOST_VALUES} values before Linux 5.16; found ${values.length}: split it`,
  );
  return actions.intLiteral('0', loc);
}

/** Any number of values, in an array. */
function vprintk(format: Expr, size: number, values: readonly Expr[], loc: Loc, { actions }: DialectContext): Expr {
  return statementExpression(actions, loc, (b) => {
    const wide: QualType = { type: actions.basicType(['unsigned', 'long', 'long'], loc), quals: 0 };
    const array = b.local('values', actions.arrayOf(wide, number(actions, values.length, loc), loc));
    for (const [i, value] of values.entries())
      b.do(actions.assign('=', actions.index(array(), number(actions, i, loc), loc), actions.cast(wide, value, loc), loc));
    const bytes = number(actions, values.length * 8, loc);
    return callNamed(actions, 'bpf_trace_vprintk', [format, number(actions, size, loc), array(), bytes], loc);
  });
}

/** What is certainly not meant: text of a number, a number of an address. Widths are not looked at: all values are 64 bits. */
function checkTypes(conversions: readonly string[], values: readonly Expr[], { diagnostics }: DialectContext): void {
  for (const [i, conversion] of conversions.entries()) {
    const value = values[i] as Expr;
    const { kind } = value.type.type;
    const number = kind === 'int' || kind === 'enum';
    const address = kind === 'pointer' || kind === 'array';
    if (conversion.endsWith('s') && !conversion.startsWith('p') && number)
      diagnostics.warn('bad-format', value.loc, `%${conversion} prints the text at an address; value ${i + 1} is a number`);
    else if (/[dic]$/.test(conversion) && address)
      diagnostics.warn('bad-format', value.loc, `%${conversion} prints a number; value ${i + 1} is an address (%p, or %s for its text)`);
  }
}
