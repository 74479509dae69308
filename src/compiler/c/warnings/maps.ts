/** Variables that are described like maps and are none, for want of their section. */
import type { Diagnostics } from '../../diagnostics.ts';
import type { Expr, FunctionDecl, VarDecl } from '../ast.ts';
import { visit } from './walk.ts';
import type { Where } from './warnings.ts';

/** `said`: variables that had their warning. */
export function mapWarnings(fn: FunctionDecl, where: Where, said: Set<VarDecl>, diagnostics: Diagnostics): void {
  if (fn.body === undefined) return;
  visit(fn.body, {
    expr: (e) => {
      if (e.kind !== 'call' || e.callee.kind !== 'ref' || e.callee.decl.kind !== 'function' || e.callee.decl.helper === undefined) return;
      for (const arg of e.args) {
        const variable = variableAt(arg);
        if (variable === undefined || said.has(variable) || !describesMap(variable) || !where.users(variable.loc)) continue;
        said.add(variable);
        const section = variable.attributes.findLast(({ name }) => name === 'section')?.args[0];
        const found = section?.kind === 'string' ? `stands in section "${section.value}"` : 'has no section';
        diagnostics.warn(
          'map-without-section',
          variable.loc,
          `'${variable.name}' is described like a map and ${found}, so it is plain memory, which ${e.callee.decl.name}() does not take: write SEC(".maps") behind its name`,
        );
      }
    },
  });
}

/** The variable of file scope whose address this is. */
function variableAt(e: Expr): VarDecl | undefined {
  let at = e;
  while (at.kind === 'cast') at = at.operand;
  if (at.kind !== 'addressOf' || at.operand.kind !== 'ref') return undefined;
  const { decl } = at.operand;
  return decl.kind === 'var' && decl.scope === 'file' && decl.map === undefined ? decl : undefined;
}

/** A struct with `__uint(type, …)`: the length of an array behind a pointer. */
function describesMap({ type: { type } }: VarDecl): boolean {
  if (type.kind !== 'record') return false;
  return type.fields?.some(({ name, type: { type: t } }) => name === 'type' && t.kind === 'pointer' && t.to.type.kind === 'array') === true;
}
