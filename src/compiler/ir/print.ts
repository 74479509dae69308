/**
 * IR as text, for people and for tests; `parse.ts` reads it back. One line per instruction:
 *
 *   global counter .data size=8 align=8 data=0000000000000000
 *   function f(ptr %ctx space=ctx, i32 %n): i64 static auto {
 *   b0:
 *     %1 = alloca 16 align 8 "key"
 *     %2 = ext i64 u32 %n
 *     %3 = load i32 u16 %1+4
 *     store 64 %2, %1+8
 *     %4 = cmp eq i32 %3, 0
 *     branch %4, b1, b2
 *   …
 *   }
 *
 * A bare number has the type that its place asks for (`add i32 %a, 5`), anything else is written `5:i64`. A value is
 * `%` and the instruction's id, or the parameter's name. `print` is stable: the same function gives the same text.
 */
import { signed } from './eval.ts';
import type { Block, CoreRef, Inst, IrFunction, IrGlobal, IrModule, IrType, Param, Terminator, Value } from './ir.ts';

export interface PrintOptions {
  /** Adds `!<loc>` to each line. */
  readonly locs?: boolean;
}

export function printModule(module: IrModule, options: PrintOptions = {}): string {
  const parts: string[] = [];
  for (const g of module.globals.values()) parts.push(printGlobal(g));
  for (const f of module.functions.values()) parts.push(printFunction(f, options));
  return parts.join('\n');
}

export function printGlobal(g: IrGlobal): string {
  let s = `global ${g.name} ${g.section} size=${g.size} align=${g.align} ${g.linkage}`;
  if (g.readOnly) s += ' readonly';
  if (g.volatile) s += ' volatile';
  if (g.btfType) s += ` btf=${g.btfType}`;
  if (g.data) s += ` data=${Array.from(g.data, (b) => b.toString(16).padStart(2, '0')).join('')}`;
  return s;
}

export function printFunction(fn: IrFunction, options: PrintOptions = {}): string {
  const params = fn.params.map((p) => `${p.type} ${paramName(p)}${p.space ? ` space=${p.space}` : ''}`).join(', ');
  const program = fn.program ? ` program=${fn.program.type}${fn.program.attachType ? `:${fn.program.attachType}` : ''}` : '';
  const head = `function ${fn.name}(${params}): ${fn.returns ?? 'void'} ${fn.linkage} ${fn.inline}${program}`;
  const lines = [`${head} {`];
  for (const block of fn.blocks) {
    lines.push(`b${block.id}:${block.unroll === undefined ? '' : ` unroll=${block.unroll}`}`);
    for (const inst of block.insts) lines.push(`  ${printInst(inst)}${options.locs ? ` !${inst.loc}` : ''}`);
    lines.push(`  ${printTerm(block.term)}${options.locs ? ` !${block.term.loc}` : ''}`);
  }
  lines.push('}', '');
  return lines.join('\n');
}

function paramName(p: Param): string {
  return /^[A-Za-z_]\w*$/.test(p.name) ? `%${p.name}` : `%p${p.index}`;
}

/** An operand; `expected` is the type its place implies. */
export function printValue(v: Value, expected?: IrType): string {
  switch (v.op) {
    case 'const': {
      const text = v.type === 'ptr' && v.value === 0n ? 'null' : String(signed(v.type, v.value));
      return v.type === expected || text === 'null' ? text : `${text}:${v.type}`;
    }
    case 'undef':
      return v.type === expected ? 'undef' : `undef:${v.type}`;
    case 'param':
      return paramName(v);
    default:
      return `%${v.id}`;
  }
}

function operandType(v: Value): IrType {
  return v.type === 'void' ? 'i64' : v.type;
}

function at(ptr: Value, offset: number): string {
  return `${printValue(ptr, 'ptr')}${offset === 0 ? '' : offset > 0 ? `+${offset}` : offset}`;
}

function core(ref: CoreRef | undefined): string {
  return ref ? ` core=${ref.kind},${ref.type},${ref.access},${ref.local}` : '';
}

function quote(s: string): string {
  return JSON.stringify(s);
}

export function printInst(i: Inst): string {
  const body = instBody(i);
  return i.type === 'void' && i.op !== 'asm' ? body : `%${i.id} = ${body}`;
}

function instBody(i: Inst): string {
  switch (i.op) {
    case 'bin':
      return `${i.bin} ${i.type} ${printValue(i.a, i.type)}, ${printValue(i.b, i.type)}`;
    case 'ptradd':
      return `ptradd ${printValue(i.base, 'ptr')}, ${printValue(i.offset, 'i64')}`;
    case 'cmp': {
      const t = operandType(i.a.op === 'const' ? i.b : i.a);
      return `cmp ${i.pred} ${t} ${printValue(i.a, t)}, ${printValue(i.b, t)}`;
    }
    case 'ext':
      return `ext ${i.type} ${i.signed ? 's' : 'u'}${i.bits} ${printValue(i.a, 'i32')}`;
    case 'trunc':
      return `trunc ${printValue(i.a, 'i64')}`;
    case 'ptrtoint':
      return `ptrtoint ${printValue(i.a, 'ptr')}`;
    case 'inttoptr':
      return `inttoptr ${printValue(i.a, 'i64')}${i.space ? ` space=${i.space}` : ''}${i.pointee ? ` pointee=${i.pointee}` : ''}`;
    case 'spacecast':
      return `spacecast ${i.space} ${printValue(i.a, 'ptr')}`;
    case 'bswap':
      return `bswap ${i.type} ${i.bits} ${printValue(i.a, i.type)}`;
    case 'select':
      return `select ${i.type} ${printValue(i.cond, 'i32')}, ${printValue(i.a, i.type)}, ${printValue(i.b, i.type)}`;
    case 'phi':
      return `phi ${i.type} [${i.incoming.map((x) => `b${x.block.id}: ${printValue(x.value, i.type)}`).join(', ')}]`;
    case 'alloca':
      return `alloca ${i.size} align ${i.align}${i.var === undefined ? '' : ` ${quote(i.var)}`}`;
    case 'load':
      return (
        `load ${i.type} ${i.signed ? 's' : 'u'}${i.bits} ${at(i.ptr, i.offset)}${i.volatile ? ' volatile' : ''}` +
        `${i.space ? ` space=${i.space}` : ''}${i.resultSpace ? ` result=${i.resultSpace}` : ''}${i.pointee ? ` pointee=${i.pointee}` : ''}${i.align ? ` align=${i.align}` : ''}${core(i.core)}`
      );
    case 'store':
      return (
        `store ${i.bits} ${printValue(i.value, i.bits === 64 ? 'i64' : 'i32')}, ${at(i.ptr, i.offset)}` +
        `${i.volatile ? ' volatile' : ''}${i.align ? ` align=${i.align}` : ''}${core(i.core)}`
      );
    case 'memcpy':
      return `memcpy ${printValue(i.dst, 'ptr')}, ${printValue(i.src, 'ptr')}, ${i.size} align ${i.align}${i.move ? ' move' : ''}`;
    case 'memset':
      return `memset ${printValue(i.dst, 'ptr')}, ${printValue(i.byte, 'i32')}, ${i.size} align ${i.align}`;
    case 'memcmp':
      return `memcmp ${printValue(i.a, 'ptr')}, ${printValue(i.b, 'ptr')}, ${i.size} align ${i.align}`;
    case 'mapaddr':
      return `mapaddr ${quote(i.map)}`;
    case 'globaladdr':
      return `globaladdr ${quote(i.global)}${i.offset ? `+${i.offset}` : ''}`;
    case 'funcaddr':
      return `funcaddr ${quote(i.fn)}`;
    case 'ksymaddr':
      return `ksymaddr ${quote(i.symbol)}${i.typed ? ' typed' : ''}${i.weak ? ' weak' : ''}`;
    case 'call': {
      const c = i.callee;
      const who =
        c.kind === 'indirect'
          ? 'indirect'
          : c.kind === 'helper'
            ? `helper ${c.id} ${c.name}`
            : c.kind === 'kfunc'
              ? `kfunc ${c.name}${c.weak ? ' weak' : ''}`
              : `function ${c.name}`;
      return `call ${i.type} ${who}(${i.args.map((a) => printValue(a, 'i64')).join(', ')})${i.resultSpace ? ` result=${i.resultSpace}` : ''}`;
    }
    case 'atomic': {
      const t = i.bits === 64 ? 'i64' : 'i32';
      return (
        `atomic ${i.atomic}${i.fetch ? ' fetch' : ''} ${i.bits} ${printValue(i.value, t)}, ${at(i.ptr, i.offset)}` +
        `${i.expected ? `, ${printValue(i.expected, t)}` : ''}`
      );
    }
    case 'ldpacket':
      return `ldpacket ${i.bits} ${at(i.ctx, i.offset)}${i.index ? `, ${printValue(i.index, 'i64')}` : ''}`;
    case 'core':
      return `core ${i.core.kind},${i.core.type},${i.core.access},${i.core.local}`;
    case 'asm': {
      const outs = i.outputs.map((o) => `${quote(o.constraint)} ${o.type}${o.tied === undefined ? '' : ` tied ${o.tied}`}`).join(', ');
      const ins = i.inputs.map((x) => `${quote(x.constraint)} ${printValue(x.value, 'i64')}`).join(', ');
      return `asm ${quote(i.text)} (${outs}) (${ins}) (${i.clobbers.map(quote).join(', ')})`;
    }
    case 'asmout':
      return `asmout ${i.type} %${i.asm.id} ${i.index}`;
    default:
      return never(i);
  }
}

export function printTerm(t: Terminator): string {
  const b = (x: Block): string => `b${x.id}`;
  switch (t.op) {
    case 'jump':
      return `jump ${b(t.to)}`;
    case 'branch':
      return `branch ${printValue(t.cond, 'i32')}, ${b(t.then)}, ${b(t.else)}${t.likely === undefined ? '' : t.likely ? ' likely' : ' unlikely'}`;
    case 'switch': {
      const type = operandType(t.value);
      const cases = t.cases.map((c) => `${c.low === c.high ? c.low : `${c.low} to ${c.high}`}: ${b(c.to)}`).join(', ');
      return `switch ${type} ${t.signed ? 'signed' : 'unsigned'} ${printValue(t.value, type)} {${cases}} else ${b(t.otherwise)}`;
    }
    case 'return':
      return t.value ? `return ${printValue(t.value)}` : 'return';
    case 'unreachable':
      return 'unreachable';
    default:
      return never(t);
  }
}

function never(x: never): never {
  throw new Error(`unhandled ${JSON.stringify(x)}`);
}
