/** One function: its parameters into places, its body, its end. */
import type { FunctionDecl, ParamDecl } from '../../c/ast.ts';
import { isHidden, isWeak } from '../../c/linkage.ts';
import { constant, newFunction } from '../builder.ts';
import type { IrFunction, Space } from '../ir.ts';
import { localPlace, newLocal } from './place.ts';
import { FunctionState, type ModuleState } from './state.ts';
import { statement } from './statement.ts';
import { alignOfType, isRecord, memBits, scalarType, spaceOf } from './types.ts';

export function lowerFunction(m: ModuleState, d: FunctionDecl): IrFunction {
  const returnsRecord = isRecord(d.type.returns.type);
  const params = d.params.map((p) => ({ type: scalarType(p.type.type) ?? 'ptr', name: p.name, loc: p.loc, ...spaceOfParam(d, p) }));
  if (returnsRecord) params.unshift({ type: 'ptr', name: '', loc: d.loc });
  const returns = returnsRecord || d.type.returns.type.kind === 'void' ? undefined : scalarType(d.type.returns.type);
  if (!returnsRecord && !returns && d.type.returns.type.kind !== 'void')
    m.error('unsupported-type', d.loc, `'${d.name}' returns a type that BPF cannot compute with`);
  const fn = newFunction({
    name: d.name,
    params,
    returns,
    loc: d.loc,
    end: d.end,
    linkage: isHidden(d) || d.storage === 'static' ? 'static' : isWeak(d) ? 'weak' : 'global',
    inline: inlining(m, d),
    program: d.program && { type: d.program.type, ...(d.program.attachType === undefined ? {} : { attachType: d.program.attachType }) },
  });
  const f = new FunctionState(m, fn, d);
  const { b } = f;
  if (returnsRecord) f.returnInto = fn.params[0];
  d.params.forEach((p, i) => {
    const value = fn.params[i + (returnsRecord ? 1 : 0)] as IrFunction['params'][number];
    b.loc = p.loc;
    if (isRecord(p.type.type)) {
      f.locals.set(p, localPlace(value, p.type, alignOfType(p.type)));
      return;
    }
    const at = newLocal(f, p.type, p.name, p.loc);
    if (!scalarType(p.type.type)) {
      f.locals.set(p, at);
      return m.error('unsupported-type', p.loc, `parameter '${p.name}' has a type that BPF cannot compute with`);
    }
    b.store(memBits(p.type.type), value, at.ptr, 0);
    f.locals.set(p, at);
  });
  const { body } = d;
  if (body) b.withAllocas(() => statement(f, body));
  b.loc = d.end;
  b.return(returns ? constant(returns, 0) : undefined);
  const placed = new Set(fn.blocks);
  for (const [, block] of f.labels) if (!placed.has(block)) fn.blocks.push(block);
  return fn;
}

function spaceOfParam(d: FunctionDecl, p: ParamDecl): { space?: Space } {
  if (d.program && p.index === 0) return { space: 'ctx' };
  const space = p.type.type.kind === 'pointer' ? spaceOf(p.type.type.to.quals) : undefined;
  return space ? { space } : {};
}

function inlining(m: ModuleState, d: FunctionDecl): IrFunction['inline'] {
  // Another definition may take the place of a weak one.
  if (d.attributes.some((a) => a.name === 'noinline') || (isWeak(d) && !d.program)) return 'never';
  if (m.options.inlineAll || d.attributes.some((a) => a.name === 'always_inline')) return 'always';
  return 'auto';
}
