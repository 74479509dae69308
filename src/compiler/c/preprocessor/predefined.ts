/**
 * What is defined before the first line: the macros of clang's BPF target at -O2, so that conditionals written for
 * clang choose what they choose there. Most are families over the integer types, made from rows.
 */

/** suffix of printf formats and constants by width: LP64. */
const INTS = [
  {
    bits: 8,
    signed: 'signed char',
    unsigned: 'unsigned char',
    fmt: 'hh',
    max: '127',
    umax: '255',
    suffix: '',
    usuffix: '',
  },
  {
    bits: 16,
    signed: 'short',
    unsigned: 'unsigned short',
    fmt: 'h',
    max: '32767',
    umax: '65535',
    suffix: '',
    usuffix: '',
  },
  {
    bits: 32,
    signed: 'int',
    unsigned: 'unsigned int',
    fmt: '',
    max: '2147483647',
    umax: '4294967295U',
    suffix: '',
    usuffix: 'U',
  },
  {
    bits: 64,
    signed: 'long int',
    unsigned: 'long unsigned int',
    fmt: 'l',
    max: '9223372036854775807L',
    umax: '18446744073709551615UL',
    suffix: 'L',
    usuffix: 'UL',
  },
] as const;

/** Names for an integer type: prefix, row of INTS, signedness, and which of the family's members exist. */
interface Family {
  readonly name: string;
  readonly row: 0 | 1 | 2 | 3;
  readonly signed: boolean;
  readonly constant: boolean;
  readonly width: boolean;
}

function families(): Family[] {
  const out: Family[] = [];
  for (const row of [0, 1, 2, 3] as const) {
    const bits = INTS[row].bits;
    out.push(
      { name: `INT${bits}`, row, signed: true, constant: true, width: false },
      { name: `UINT${bits}`, row, signed: false, constant: true, width: false },
    );
    for (const kind of ['LEAST', 'FAST']) {
      out.push({ name: `INT_${kind}${bits}`, row, signed: true, constant: false, width: true });
      out.push({ name: `UINT_${kind}${bits}`, row, signed: false, constant: false, width: false });
    }
  }
  out.push(
    { name: 'INTMAX', row: 3, signed: true, constant: true, width: true },
    { name: 'UINTMAX', row: 3, signed: false, constant: true, width: true },
  );
  out.push(
    { name: 'INTPTR', row: 3, signed: true, constant: false, width: true },
    { name: 'UINTPTR', row: 3, signed: false, constant: false, width: true },
  );
  out.push({ name: 'PTRDIFF', row: 3, signed: true, constant: false, width: true });
  return out;
}

const FLOATS = [
  {
    name: 'FLT',
    suffix: 'F',
    decimal: 9,
    denorm: '1.40129846e-45',
    digits: 6,
    epsilon: '1.19209290e-7',
    mantissa: 24,
    max10: 38,
    maxExp: 128,
    max: '3.40282347e+38',
    min10: -37,
    minExp: -125,
    min: '1.17549435e-38',
  },
  {
    name: 'DBL',
    suffix: '',
    decimal: 17,
    denorm: '4.9406564584124654e-324',
    digits: 15,
    epsilon: '2.2204460492503131e-16',
    mantissa: 53,
    max10: 308,
    maxExp: 1024,
    max: '1.7976931348623157e+308',
    min10: -307,
    minExp: -1021,
    min: '2.2250738585072014e-308',
  },
] as const;

/** Written out: one line each, "NAME value". */
const PLAIN = `
_LP64 1
__ATOMIC_RELAXED 0
__ATOMIC_CONSUME 1
__ATOMIC_ACQUIRE 2
__ATOMIC_RELEASE 3
__ATOMIC_ACQ_REL 4
__ATOMIC_SEQ_CST 5
__BIGGEST_ALIGNMENT__ 8
__BITINT_MAXWIDTH__ 128
__BOOL_WIDTH__ 8
__BPF__ 1
__BPF_FEATURE_ADDR_SPACE_CAST 1
__BYTE_ORDER__ __ORDER_LITTLE_ENDIAN__
__CHAR16_TYPE__ unsigned short
__CHAR32_TYPE__ unsigned int
__CHAR_BIT__ 8
__CONSTANT_CFSTRINGS__ 1
__DECIMAL_DIG__ __LDBL_DECIMAL_DIG__
__ELF__ 1
__FINITE_MATH_ONLY__ 0
__FLT_RADIX__ 2
__FPCLASS_SNAN 0x0001
__FPCLASS_QNAN 0x0002
__FPCLASS_NEGINF 0x0004
__FPCLASS_NEGNORMAL 0x0008
__FPCLASS_NEGSUBNORMAL 0x0010
__FPCLASS_NEGZERO 0x0020
__FPCLASS_POSZERO 0x0040
__FPCLASS_POSSUBNORMAL 0x0080
__FPCLASS_POSNORMAL 0x0100
__FPCLASS_POSINF 0x0200
__GCC_ATOMIC_TEST_AND_SET_TRUEVAL 1
__GCC_CONSTRUCTIVE_SIZE 32
__GCC_DESTRUCTIVE_SIZE 32
__GNUC__ 4
__GNUC_MINOR__ 2
__GNUC_PATCHLEVEL__ 1
__GNUC_STDC_INLINE__ 1
__GXX_ABI_VERSION 1002
__INT_MAX__ 2147483647
__INT_WIDTH__ 32
__LITTLE_ENDIAN__ 1
__LLONG_WIDTH__ 64
__LONG_LONG_MAX__ 9223372036854775807LL
__LONG_MAX__ 9223372036854775807L
__LONG_WIDTH__ 64
__LP64__ 1
__MEMORY_SCOPE_SYSTEM 0
__MEMORY_SCOPE_DEVICE 1
__MEMORY_SCOPE_WRKGRP 2
__MEMORY_SCOPE_WVFRNT 3
__MEMORY_SCOPE_SINGLE 4
__OBJC_BOOL_IS_BOOL 0
__OPENCL_MEMORY_SCOPE_WORK_ITEM 0
__OPENCL_MEMORY_SCOPE_WORK_GROUP 1
__OPENCL_MEMORY_SCOPE_DEVICE 2
__OPENCL_MEMORY_SCOPE_ALL_SVM_DEVICES 3
__OPENCL_MEMORY_SCOPE_SUB_GROUP 4
__OPTIMIZE__ 1
__ORDER_BIG_ENDIAN__ 4321
__ORDER_LITTLE_ENDIAN__ 1234
__ORDER_PDP_ENDIAN__ 3412
__POINTER_WIDTH__ 64
__PRAGMA_REDEFINE_EXTNAME 1
__SCHAR_MAX__ 127
__SHRT_MAX__ 32767
__SHRT_WIDTH__ 16
__SIG_ATOMIC_MAX__ 2147483647
__SIG_ATOMIC_WIDTH__ 32
__SIZEOF_DOUBLE__ 8
__SIZEOF_FLOAT__ 4
__SIZEOF_INT128__ 16
__SIZEOF_INT__ 4
__SIZEOF_LONG_DOUBLE__ 8
__SIZEOF_LONG_LONG__ 8
__SIZEOF_LONG__ 8
__SIZEOF_POINTER__ 8
__SIZEOF_PTRDIFF_T__ 8
__SIZEOF_SHORT__ 2
__SIZEOF_SIZE_T__ 8
__SIZEOF_WCHAR_T__ 4
__SIZEOF_WINT_T__ 4
__SIZE_FMTX__ "lX"
__SIZE_FMTo__ "lo"
__SIZE_FMTu__ "lu"
__SIZE_FMTx__ "lx"
__SIZE_MAX__ 18446744073709551615UL
__SIZE_TYPE__ long unsigned int
__SIZE_WIDTH__ 64
__STDC__ 1
__STDC_EMBED_EMPTY__ 2
__STDC_EMBED_FOUND__ 1
__STDC_EMBED_NOT_FOUND__ 0
__STDC_HOSTED__ 1
__STDC_UTF_16__ 1
__STDC_UTF_32__ 1
__STDC_VERSION__ 201710L
__USER_LABEL_PREFIX__
__WCHAR_MAX__ 2147483647
__WCHAR_TYPE__ int
__WCHAR_WIDTH__ 32
__WINT_MAX__ 2147483647
__WINT_TYPE__ int
__WINT_WIDTH__ 32
__bpf__ 1
__clang__ 1
__clang_literal_encoding__ "UTF-8"
__clang_major__ 19
__clang_minor__ 1
__clang_patchlevel__ 7
__clang_version__ "19.1.7 (skep)"
__clang_wide_literal_encoding__ "UTF-32"
__llvm__ 1
__VERSION__ "skep, as Clang 19.1.7"
__skep__ 1`;

/** Feature macros of an instruction set and the first version that has it. */
const CPU_FEATURES = [
  ['JMP_EXT', 2],
  ['MAY_GOTO', 2],
  ['ALU32', 3],
  ['JMP32', 3],
  ['BSWAP', 4],
  ['GOTOL', 4],
  ['LDSX', 4],
  ['MOVSX', 4],
  ['SDIV_SMOD', 4],
  ['ST', 4],
] as const;

function build(cpu: 1 | 2 | 3 | 4): Map<string, string> {
  const out = new Map<string, string>();
  for (const line of PLAIN.split('\n')) {
    if (line === '') continue;
    const space = line.indexOf(' ');
    if (space < 0) out.set(line, '');
    else out.set(line.slice(0, space), line.slice(space + 1));
  }
  for (const f of families()) {
    const row = INTS[f.row];
    out.set(`__${f.name}_TYPE__`, f.signed ? row.signed : row.unsigned);
    out.set(`__${f.name}_MAX__`, f.signed ? row.max : row.umax);
    for (const conversion of f.signed ? 'di' : 'Xoux') out.set(`__${f.name}_FMT${conversion}__`, `"${row.fmt}${conversion}"`);
    if (f.constant) out.set(`__${f.name}_C_SUFFIX__`, f.signed ? row.suffix : row.usuffix);
    if (f.width) out.set(`__${f.name}_WIDTH__`, `${row.bits}`);
  }
  for (const f of [...FLOATS, { ...FLOATS[1], name: 'LDBL', suffix: 'L' }]) {
    const set = (name: string, value: string | number): unknown => out.set(`__${f.name}_${name}__`, `${value}`);
    set('DECIMAL_DIG', f.decimal);
    set('DENORM_MIN', f.denorm + f.suffix);
    set('DIG', f.digits);
    set('EPSILON', f.epsilon + f.suffix);
    for (const has of ['DENORM', 'INFINITY', 'QUIET_NAN']) set(`HAS_${has}`, 1);
    set('MANT_DIG', f.mantissa);
    set('MAX_10_EXP', f.max10);
    set('MAX_EXP', f.maxExp);
    set('MAX', f.max + f.suffix);
    set('MIN_10_EXP', `(${f.min10})`);
    set('MIN_EXP', `(${f.minExp})`);
    set('MIN', f.min + f.suffix);
    set('NORM_MAX', f.max + f.suffix);
  }
  for (const type of ['BOOL', 'CHAR', 'CHAR16_T', 'CHAR32_T', 'INT', 'LLONG', 'LONG', 'POINTER', 'SHORT', 'WCHAR_T']) {
    out.set(`__CLANG_ATOMIC_${type}_LOCK_FREE`, '2');
    out.set(`__GCC_ATOMIC_${type}_LOCK_FREE`, '2');
  }
  out.set('__BPF_CPU_VERSION__', `${cpu}`);
  for (const [feature, since] of CPU_FEATURES) if (cpu >= since) out.set(`__BPF_FEATURE_${feature}`, '1');
  return out;
}

const built: (ReadonlyMap<string, string> | undefined)[] = [];

/** Replacement texts by name. Made once per process and instruction set. */
export function predefinedMacros(cpu: 1 | 2 | 3 | 4): ReadonlyMap<string, string> {
  return (built[cpu] ??= build(cpu));
}
