/**
 * Attributes: which are known, which change types, which would change what the program does and are not supported.
 *
 * An attribute that only advises a compiler or describes a caller's duty is accepted in silence. One that nobody
 * knows is named in a warning; one whose loss would change behaviour is an error.
 */
import type { Attribute, AttributeArg } from '../../ast.ts';
import type { IntType, QualType } from '../../types.ts';
import { QUAL } from '../../types.ts';
import type { Context } from '../context.ts';
import { INT, INT128, LONG, pointer, Q, qual, SCHAR, SHORT, unsignedOf } from '../types/basic.ts';
import { integerOf, isInteger } from '../types/predicates.ts';

type Rule =
  /** Read by sema or by what comes after it. */
  | 'used'
  /** Makes no difference here. */
  | 'advice'
  /** Silence would be wrong. */
  | 'unsupported';

const RULES = new Map<string, Rule>();

function rule(kind: Rule, names: string): void {
  for (const name of names.split(' ')) RULES.set(name, kind);
}

rule(
  'used',
  'section packed aligned weak used unused asm btf_decl_tag btf_type_tag preserve_access_index address_space mode ' +
    'cleanup always_inline noinline inline gnu_inline noreturn naked visibility pragma_pack bpf_fastcall vector_size ext_vector_type ' +
    'preserve_static_offset flatten alias',
);
rule(
  'advice',
  'nonnull returns_nonnull format format_arg deprecated malloc alloc_size alloc_align assume_aligned pure const hot ' +
    'cold may_alias warn_unused_result nodiscard maybe_unused fallthrough no_sanitize no_sanitize_address ' +
    'no_instrument_function no_profile_instrument_function no_stack_protector nothrow leaf sentinel artificial ' +
    'externally_visible error warning diagnose_if enable_if overloadable noderef context_unsafe counted_by nonstring ' +
    'designated_init unavailable access optnone minsize optimize no_builtin nobuiltin notrace noclone no_icf no_reorder ' +
    'disable_tail_calls not_tail_called convergent internal_linkage noescape gcc_struct scalar_storage_order_little ' +
    'no_caller_saved_registers force acquires releases capability guarded_by warn_if_not_aligned type_visibility ' +
    'enum_extensibility flag_enum swift_name objc_boxable uninitialized common nocommon copy tainted_args btf_type_tag_ ' +
    'zero_call_used_regs randomize_layout no_randomize_layout align_value bpf_kfunc ksym returns_twice nocf_check cf_check no_split_stack',
);
rule(
  'unsupported',
  'transparent_union ifunc constructor destructor ms_struct scalar_storage_order ' +
    'target_clones tls_model weakref patchable_function_entry',
);

/** Says what there is to say about attributes on a declaration. */
export function checkAttributes(ctx: Context, attributes: readonly Attribute[]): void {
  for (const a of attributes) {
    const known = RULES.get(a.name);
    if (a.name === 'section' && stringArg(a)?.startsWith('.struct_ops') === true)
      ctx.error(
        'unsupported-attribute',
        a.loc,
        `SEC("${stringArg(a)}") is not supported: the struct of functions is given in TypeScript, by b.attachStructOps() (docs/hooks.md)`,
      );
    if (known === 'used' || known === 'advice' || a.name.startsWith('skep_')) continue;
    if (known === 'unsupported') {
      ctx.error('unsupported-attribute', a.loc, `attribute '${a.name}' is not supported`);
    } else {
      ctx.warn('unknown-attribute', a.loc, `unknown attribute '${a.name}' is ignored`);
    }
  }
}

export function findAttribute(attributes: readonly Attribute[], name: string): Attribute | undefined {
  for (const a of attributes) if (a.name === name) return a;
  return undefined;
}

export function hasAttribute(attributes: readonly Attribute[], name: string): boolean {
  return findAttribute(attributes, name) !== undefined;
}

export function stringArg(a: Attribute | undefined): string | undefined {
  const arg: AttributeArg | undefined = a?.args[0];
  return arg?.kind === 'string' ? arg.value : undefined;
}

/** What clang takes `aligned` without a number for: the largest alignment that a BPF type needs. */
const BIGGEST = 8;
const MAX_ALIGN = 1n << 28n;

/** The largest alignment that `aligned` and `_Alignas` ask for together. */
export function alignmentOf(ctx: Context, attributes: readonly Attribute[], alignas?: number): number | undefined {
  let align = alignas === 0 ? undefined : alignas;
  for (const a of attributes) {
    if (a.name !== 'aligned') continue;
    const arg = a.args[0];
    let value = BIGGEST;
    if (arg?.kind === 'int') {
      if (arg.value <= 0n || (arg.value & (arg.value - 1n)) !== 0n || arg.value > MAX_ALIGN) {
        ctx.error('bad-attribute', a.loc, `an alignment must be a power of two up to 2^28; found ${arg.value}`);
        continue;
      }
      value = Number(arg.value);
    }
    align = Math.max(align ?? 1, value);
  }
  return align;
}

export function tagsOf(attributes: readonly Attribute[], name: 'btf_decl_tag' | 'btf_type_tag'): readonly string[] | undefined {
  let tags: string[] | undefined;
  for (const a of attributes) {
    const tag = a.name === name ? stringArg(a) : undefined;
    if (tag !== undefined) (tags ??= []).push(tag);
  }
  return tags;
}

/* ---------- attributes of types ---------- */

const TAG_QUALS: Readonly<{ [tag: string]: number | undefined }> = { user: QUAL.USER, percpu: QUAL.PERCPU, rcu: QUAL.RCU };
const MODES: Readonly<{ [mode: string]: IntType | undefined }> = {
  QI: SCHAR,
  byte: SCHAR,
  HI: SHORT,
  SI: INT,
  DI: LONG,
  TI: INT128,
  word: LONG,
  pointer: LONG,
};

/** The type with what `btf_type_tag`, `address_space` and `mode` say about it. */
export function applyTypeAttributes(ctx: Context, type: QualType, attributes: readonly Attribute[]): QualType {
  let q = type;
  for (const a of attributes) {
    switch (a.name) {
      case 'btf_type_tag':
        q = tag(q, stringArg(a));
        break;
      case 'address_space':
        q = addressSpace(ctx, q, a);
        break;
      case 'mode':
        q = mode(ctx, q, a);
        break;
      case 'vector_size':
      case 'ext_vector_type':
        ctx.error('unsupported-attribute', a.loc, `attribute '${a.name}': vectors are not supported`);
        return Q.error;
      default:
        break;
    }
  }
  return q;
}

function tag(q: QualType, name: string | undefined): QualType {
  if (name === undefined) return q;
  const bit = TAG_QUALS[name];
  if (bit !== undefined) return qual(q.type, q.quals | bit, q.tags, q.alias, q.align);
  return qual(q.type, q.quals, [name, ...(q.tags ?? [])], q.alias, q.align);
}

function addressSpace(ctx: Context, q: QualType, a: Attribute): QualType {
  const arg = a.args[0];
  const space = arg?.kind === 'int' ? arg.value : -1n;
  if (space === 0n) return q;
  if (space !== 1n) {
    ctx.error('unsupported-attribute', a.loc, `address space ${space < 0n ? 'without a number' : space} is not known; 1 is BPF's arena`);
    return q;
  }
  return qual(q.type, q.quals | QUAL.ARENA, q.tags, q.alias, q.align);
}

function mode(ctx: Context, q: QualType, a: Attribute): QualType {
  const arg = a.args[0];
  const name = arg?.kind === 'ident' ? arg.name.replace(/^__(\w+)__$/, '$1') : '';
  const type = MODES[name];
  if (!type || !(isInteger(q.type) || q.type.kind === 'pointer')) {
    ctx.error('unsupported-attribute', a.loc, `mode '${name}' is not supported here`);
    return q;
  }
  if (q.type.kind === 'pointer') return qual(pointer(q.type.to), q.quals, q.tags);
  return qual(integerOf(q.type).signed ? type : unsignedOf(type), q.quals, q.tags);
}
