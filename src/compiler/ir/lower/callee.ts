/** What a call calls, as far as its text tells. */
import type { Call, Expr, FunctionDecl, VarDecl } from '../../c/ast.ts';

export type KnownTarget =
  | { readonly kind: 'declared'; readonly decl: FunctionDecl }
  | { readonly kind: 'helper'; readonly id: number; readonly name: string };

/** The function or helper that is called by name; undefined for a call through a pointer. */
export function namedTarget(callee: Expr): KnownTarget | undefined {
  const e = bareCallee(callee);
  if (e.kind === 'ref' && e.decl.kind === 'function') return { kind: 'declared', decl: e.decl };
  // `static void *(*bpf_map_lookup_elem)(…) = (void *)1;`: how bpf_helpers.h declares helpers.
  if (e.kind === 'cast' && e.cast === 'load' && e.operand.kind === 'ref' && e.operand.decl.kind === 'var') {
    const id = helperNumber(e.operand.decl);
    if (id !== undefined) return { kind: 'helper', id, name: e.operand.decl.name.replace(/^bpf_/, '') };
  }
  return undefined;
}

/** What is called, without the conversions that say nothing. */
export function bareCallee(callee: Expr): Expr {
  let e = callee;
  for (;;) {
    if (e.kind === 'cast' && (e.cast === 'functionDecay' || e.cast === 'noop')) e = e.operand;
    else if (e.kind === 'deref' && e.type.type.kind === 'function') e = e.pointer;
    else if (e.kind === 'addressOf' && e.operand.type.type.kind === 'function') e = e.operand;
    else return e;
  }
}

/** The number of the helper that is called by name, if it is one. */
export function calledHelper(e: Call): number | undefined {
  const target = namedTarget(e.callee);
  return target?.kind === 'helper' ? target.id : target?.decl.helper;
}

function helperNumber(d: VarDecl): number | undefined {
  if (d.scope !== 'file' || d.init?.kind !== 'scalar' || d.storage === 'extern') return undefined;
  let v = d.init.value;
  while (v.kind === 'cast' && v.cast !== 'load') v = v.operand;
  return v.kind === 'int' && v.value > 0n && v.value < 0x1_0000n ? Number(v.value) : undefined;
}
