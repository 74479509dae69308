/**
 * Arguments of probes: a function that the user writes as `int f(struct pt_regs *ctx, struct file *file, int x)` is
 * called by the kernel with `ctx` alone. The other parameters become local variables, initialised from where the
 * arguments are:
 *
 *   registers    kprobe, uprobe: members of `struct pt_regs`
 *   result       kretprobe: one parameter, the returned value
 *   syscall      entry of a system call: members of the `struct pt_regs` that the wrapper was called with
 *   usdt         probes in files, libbpf's way: `bpf_usdt_arg(ctx, n, &x)` of usdt.bpf.h
 *   trampoline   fentry, tp_btf, LSM: `ctx` is an array of 64-bit values
 *
 * Parameter and variable are the same object, so that the body, which refers to it, needs no change. A variable that
 * nobody uses costs nothing: its load has no effect and goes.
 */
import type { Expr, FunctionDecl, ParamDecl, Stmt, VarDecl } from '../c/ast.ts';
import { ref } from '../c/sema/nodes.ts';
import type { QualType } from '../c/types.ts';
import { QUAL } from '../c/types.ts';
import type { TargetFacts } from '../target-facts.ts';
import type { DialectContext } from './dialect.ts';
import { REGISTERS } from './registers.ts';
import { callNamed, number, pointerTo, statementExpression } from './tree.ts';

export type ArgumentSource = 'registers' | 'result' | 'syscall' | 'usdt' | 'trampoline';

/** Does the kernel's entry of system calls take its arguments from an inner `struct pt_regs`? */
export function hasSyscallWrapper(facts: TargetFacts): boolean {
  const configured = facts.kconfig('CONFIG_ARCH_HAS_SYSCALL_WRAPPER');
  if (configured !== undefined) return configured === 'y';
  // Both architectures have had it since these kernels, without a way to turn it off.
  return facts.kernelVersion >= (facts.arch === 'x86_64' ? 0x041100 : 0x041300);
}

export function bindArguments(fn: FunctionDecl, source: ArgumentSource, context: DialectContext): void {
  const [ctx, ...rest] = fn.params;
  if (ctx === undefined || rest.length === 0 || fn.body === undefined) return;
  const place =
    source === 'trampoline' ? trampoline(ctx, context) : source === 'usdt' ? usdt(ctx, context) : registers(ctx, source, context);
  const setup: Stmt[] = [];
  for (const param of rest) {
    if (param.name === '') {
      context.diagnostics.error(
        'unnamed-argument',
        param.loc,
        `parameter ${param.index + 1} of '${fn.name}' needs a name: it becomes a variable`,
      );
      continue;
    }
    const value = place(param);
    if (value === undefined) break;
    const { loc } = param;
    const variable = toLocal(param);
    context.actions.initVariable(variable, { kind: 'expr', expr: value, loc });
    setup.push({ kind: 'decl', vars: [variable], loc });
  }
  fn.params = [ctx];
  fn.type = { ...fn.type, params: fn.type.params.slice(0, 1) };
  fn.body = { ...fn.body, body: [...setup, ...fn.body.body] };
}

function toLocal(param: ParamDecl): VarDecl {
  const { name, type, loc, addressTaken } = param;
  const variable: VarDecl = {
    kind: 'var',
    name,
    type: type.quals === 0 ? type : { ...type, quals: type.quals & ~QUAL.CONST },
    storage: 'auto',
    scope: 'local',
    attributes: [],
    loc,
    ...(addressTaken === undefined ? {} : { addressTaken }),
  };
  Reflect.deleteProperty(param, 'index');
  return Object.assign(param as unknown as VarDecl, variable);
}

type Place = (param: ParamDecl) => Expr | undefined;

function registers(ctx: ParamDecl, source: 'registers' | 'result' | 'syscall', context: DialectContext): Place {
  const { actions, diagnostics, facts } = context;
  const { loc } = ctx;
  const conventions = REGISTERS[facts.arch];
  const regs = { type: actions.recordReference('struct', 'pt_regs', loc, false), quals: 0 };
  let base = (): Expr => actions.cast(pointerTo(actions, regs, loc), ref(ctx, loc), loc);
  const wrapped = source === 'syscall' && hasSyscallWrapper(facts);
  if (wrapped) {
    const outer = base;
    const inner = pointerTo(actions, actions.qualify(regs, QUAL.KERNEL, []), loc);
    base = () => actions.cast(inner, pathOf(actions, outer(), conventions.params[0] as string, loc), loc);
  }
  const names = source === 'result' ? [conventions.result] : wrapped ? conventions.syscall : conventions.params;
  return (param) => {
    const name = names[param.index - 1];
    if (name === undefined) {
      const limit =
        source === 'result' ? 'a return probe has one: the returned value' : `${facts.arch} passes ${names.length} in registers`;
      diagnostics.error('too-many-arguments', param.loc, `argument '${param.name}' cannot be read: ${limit}`);
      return undefined;
    }
    const { type } = param.type;
    if (type.kind === 'record') {
      diagnostics.error(
        'bad-argument-type',
        param.loc,
        `argument '${param.name}' is a ${type.tag} passed by value; only integers and pointers can be read from registers`,
      );
      return undefined;
    }
    return actions.cast(param.type, pathOf(actions, base(), name, loc), param.loc);
  };
}

/** `base->regs[0]` */
export function pathOf(actions: DialectContext['actions'], base: Expr, text: string, loc: number): Expr {
  const bracket = text.indexOf('[');
  if (bracket < 0) return actions.member(base, text, true, loc);
  const member = actions.member(base, text.slice(0, bracket), true, loc);
  return actions.index(member, number(actions, Number(text.slice(bracket + 1, -1)), loc), loc);
}

/** `({ long x; bpf_usdt_arg(ctx, n, &x); x; })`: zero where the probe has no such argument. */
function usdt(ctx: ParamDecl, { actions }: DialectContext): Place {
  return (param) => {
    const { loc } = param;
    const value = statementExpression(actions, loc, (b) => {
      const x = b.local('x', { type: actions.basicType(['long'], loc), quals: 0 });
      b.do(callNamed(actions, 'bpf_usdt_arg', [ref(ctx, loc), number(actions, param.index - 1, loc), actions.unary('&', x(), loc)], loc));
      return x();
    });
    return actions.cast(param.type, value, loc);
  };
}

function trampoline(ctx: ParamDecl, { actions }: DialectContext): Place {
  let slot = 0;
  return (param) => {
    const { loc } = param;
    const words: QualType = { type: actions.basicType(['unsigned', 'long', 'long'], loc), quals: 0 };
    const base = actions.cast(pointerTo(actions, words, loc), ref(ctx, loc), loc);
    const element = actions.index(base, number(actions, slot, loc), loc);
    const { type } = param.type;
    if (type.kind !== 'record') {
      slot++;
      return actions.cast(param.type, element, loc);
    }
    // Structs of up to 16 bytes stand in the array as they are.
    slot += Math.ceil(type.size / 8);
    const pointer = actions.cast(pointerTo(actions, param.type, loc), actions.unary('&', element, loc), loc);
    return actions.unary('*', pointer, loc);
  };
}
