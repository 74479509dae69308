/** Compatible types (6.2.7) and the composite of two. */
import type { CType, FunctionType, ParamType, QualType, RecordType } from '../../types.ts';
import { array, functionType, pointer, qual, unqualified } from './basic.ts';
import { CV, integerOf, isInteger } from './predicates.ts';

/**
 * Two records are one if they are the same object. A record of the text that bears the name of a kernel record stands
 * for it: pointers to either may meet.
 */
function sameRecord(a: RecordType, b: RecordType): boolean {
  if (a === b) return true;
  if (a.tag !== b.tag || a.name === '' || a.name !== b.name) return false;
  return a.btfId !== undefined || b.btfId !== undefined;
}

export function compatible(a: QualType, b: QualType): boolean {
  return (a.quals & CV) === (b.quals & CV) && compatibleTypes(a.type, b.type);
}

export function compatibleTypes(a: CType, b: CType): boolean {
  if (a === b) return true;
  switch (a.kind) {
    case 'void':
      return b.kind === 'void';
    case 'int':
      if (b.kind === 'enum') return compatibleTypes(a, b.underlying);
      return b.kind === 'int' && a.name === b.name;
    case 'enum':
      if (b.kind === 'enum') return a.name !== '' && a.name === b.name && (a.btfId !== undefined || b.btfId !== undefined);
      return b.kind === 'int' && compatibleTypes(a.underlying, b);
    case 'float':
      return b.kind === 'float' && a.name === b.name;
    case 'pointer':
      return b.kind === 'pointer' && compatible(a.to, b.to);
    case 'array':
      return b.kind === 'array' && compatible(a.of, b.of) && (a.length === undefined || b.length === undefined || a.length === b.length);
    case 'function':
      return b.kind === 'function' && compatibleFunctions(a, b);
    case 'record':
      return b.kind === 'record' && sameRecord(a, b);
    default:
      return a satisfies never;
  }
}

function compatibleFunctions(a: FunctionType, b: FunctionType): boolean {
  if (!compatibleTypes(a.returns.type, b.returns.type)) return false;
  if (!a.prototype || !b.prototype) return true;
  if (a.params.length !== b.params.length || a.variadic !== b.variadic) return false;
  // Qualifiers of the parameters themselves do not count.
  return a.params.every((p, i) => compatibleTypes(p.type.type, (b.params[i] as ParamType).type.type));
}

/** Compatible but for qualifiers anywhere and the signedness of integers: a conversion nobody need hear of. */
export function similarTypes(a: CType, b: CType): boolean {
  if (a === b) return true;
  if (isInteger(a) && isInteger(b)) {
    const x = integerOf(a);
    const y = integerOf(b);
    return x.size === y.size && (x.rank === 0) === (y.rank === 0);
  }
  if (a.kind === 'pointer' && b.kind === 'pointer') return similarTypes(a.to.type, b.to.type);
  if (a.kind === 'array' && b.kind === 'array') {
    return similarTypes(a.of.type, b.of.type) && (a.length === undefined || b.length === undefined || a.length === b.length);
  }
  return compatibleTypes(a, b);
}

/** The type that has what both know: array lengths, prototypes. The types must be compatible. */
export function composite(a: QualType, b: QualType): QualType {
  const t = compositeType(a.type, b.type);
  return t === a.type ? a : qual(t, a.quals, a.tags, a.alias, a.align);
}

function compositeType(a: CType, b: CType): CType {
  if (a === b) return a;
  if (a.kind === 'array' && b.kind === 'array') {
    const of = composite(a.of, b.of);
    const length = a.length ?? b.length;
    return of === a.of && length === a.length ? a : array(of, length);
  }
  if (a.kind === 'pointer' && b.kind === 'pointer') {
    const to = composite(a.to, b.to);
    return to === a.to ? a : pointer(to);
  }
  if (a.kind === 'function' && b.kind === 'function') {
    const returns = composite(a.returns, b.returns);
    if (!a.prototype) return functionType(returns, b.params, b.variadic, b.prototype);
    if (!b.prototype) return a;
    const params = a.params.map((p, i) => {
      const other = b.params[i] as ParamType;
      return { name: p.name ?? other.name, type: composite(p.type, other.type), loc: p.loc };
    });
    return functionType(returns, params, a.variadic, true);
  }
  // An enum and its integer type: the enum says more.
  return b.kind === 'enum' ? b : a;
}

export function compatibleUnqualified(a: QualType, b: QualType): boolean {
  return compatibleTypes(unqualified(a).type, unqualified(b).type);
}
