/** Compiles a text for a made-up kernel without BTF and runs its programs in the user-space machine. */
import { compile } from '../../../src/compiler/compile.ts';
import type { Dialect } from '../../../src/compiler/dialect/dialect.ts';
import type { TargetFacts } from '../../../src/compiler/target-facts.ts';
import type { ObjectSpec } from '../../../src/object/spec.ts';
import { testFacts } from './front.ts';

/** x86-64's registers as the kernel's BTF has them. */
export const PT_REGS = `struct pt_regs {
  unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};
`;

/** Bytes of `struct pt_regs` with these registers set. */
export function ptRegs(values: Readonly<Record<string, bigint>>): Uint8Array {
  const names = [
    'r15',
    'r14',
    'r13',
    'r12',
    'bp',
    'bx',
    'r11',
    'r10',
    'r9',
    'r8',
    'ax',
    'cx',
    'dx',
    'si',
    'di',
    'orig_ax',
    'ip',
    'cs',
    'flags',
    'sp',
    'ss',
  ];
  const bytes = new Uint8Array(names.length * 8);
  const view = new DataView(bytes.buffer);
  names.forEach((name, i) => {
    view.setBigUint64(i * 8, BigInt.asUintN(64, values[name] ?? 0n), true);
  });
  return bytes;
}

export interface Built {
  readonly spec: ObjectSpec;
  readonly said: readonly string[];
}

export function tryBuild(
  text: string,
  dialect: Dialect,
  changes: Partial<TargetFacts> = {},
  roots: readonly string[] = [],
): { readonly spec: ObjectSpec | undefined; readonly said: readonly string[] } {
  const { spec, diagnostics, source } = compile(text, { facts: testFacts({ btf: undefined, ...changes }), dialect, roots, maxErrors: 100 });
  const said = diagnostics.map((d) => {
    const at = source.filePosition(d.loc);
    return `${at?.line ?? 0}:${at?.column ?? 0} ${d.code} ${d.message}`;
  });
  return { spec, said };
}

export function build(text: string, dialect: Dialect, changes: Partial<TargetFacts> = {}, roots: readonly string[] = []): ObjectSpec {
  const { spec, said } = tryBuild(text, dialect, changes, roots);
  if (spec === undefined || said.length > 0) throw new Error(`unexpected:\n${said.join('\n')}`);
  return spec;
}
