/**
 * Types in C's spelling, for messages: `struct sock *`, `int (*)[4]`, `u32`.
 *
 * A declarator is read inside out, so it is built that way: `inner` is what stands where the name would.
 */

import type { CType, QualType } from '../../types.ts';
import { QUAL } from '../../types.ts';

const WORDS: readonly (readonly [number, string])[] = [
  [QUAL.CONST, 'const'],
  [QUAL.VOLATILE, 'volatile'],
  [QUAL.RESTRICT, 'restrict'],
  [QUAL.ATOMIC, '_Atomic'],
  [QUAL.USER, '__user'],
  [QUAL.PERCPU, '__percpu'],
  [QUAL.RCU, '__rcu'],
  [QUAL.ARENA, '__arena'],
];

export function formatQuals(quals: number): string {
  let out = '';
  for (const [bit, word] of WORDS) if (quals & bit) out += out ? ` ${word}` : word;
  return out;
}

function join(left: string, right: string): string {
  return left === '' || right === '' || right.startsWith('[') ? left + right : `${left} ${right}`;
}

function declarator(q: QualType, inner: string, aliases: boolean): string {
  const quals = formatQuals(q.quals);
  const t = q.type;
  if (aliases && q.alias !== undefined) return join(join(quals, q.alias), inner);
  switch (t.kind) {
    case 'pointer': {
      const star = inner === '' || quals === '' ? `*${quals}${inner}` : `*${quals} ${inner}`;
      const wrap = (t.to.type.kind === 'array' || t.to.type.kind === 'function') && !(aliases && t.to.alias !== undefined);
      return declarator(t.to, wrap ? `(${star})` : star, aliases);
    }
    case 'array':
      return declarator(t.of, `${inner}[${t.length ?? ''}]`, aliases);
    case 'function': {
      const params = t.params.map((p) => declarator(p.type, '', aliases));
      if (t.variadic) params.push('...');
      const list = params.length > 0 ? params.join(', ') : t.prototype ? 'void' : '';
      return declarator(t.returns, inner === '' ? ` (${list})` : `${inner}(${list})`, aliases).replace('  (', ' (');
    }
    case 'void':
    case 'int':
    case 'float':
    case 'record':
    case 'enum':
      return join(join(quals, baseName(t)), inner);
    default:
      return t satisfies never;
  }
}

function baseName(t: CType): string {
  switch (t.kind) {
    case 'void':
      return 'void';
    case 'int':
    case 'float':
      return t.name;
    case 'record':
      return `${t.tag} ${t.name || '(unnamed)'}`;
    case 'enum':
      return `enum ${t.name || '(unnamed)'}`;
    default:
      return '';
  }
}

/** The type as written, with its typedef names. `name` is put where a declaration would have it. */
export function formatType(q: QualType, name = ''): string {
  return declarator(q, name, true);
}

/** In quotes, with what a typedef stands for: 'u32' (aka 'unsigned int'). */
export function quoteType(q: QualType): string {
  const written = declarator(q, '', true);
  const real = declarator(q, '', false);
  return written === real || real.includes('(unnamed)') ? `'${written}'` : `'${written}' (aka '${real}')`;
}
