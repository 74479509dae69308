/**
 * What the verifier's messages mean, and what to change. One row per class of refusal; the first whose pattern matches
 * counts, so special cases stand before general ones.
 *
 * Patterns are over the message as the kernel wrote it in 5.10 to 7.3: 'inv' became 'scalar' in 5.18, map_value_or_null
 * may be 'map_value_or_null(id=1,…)' in old logs. Source: kernel/bpf/verifier.c of those versions.
 */
export type VerifierClass =
  | 'null-pointer'
  | 'packet-bounds'
  | 'map-bounds'
  | 'stack-bounds'
  | 'memory-bounds'
  | 'uninitialised'
  | 'unbounded-loop'
  | 'too-complex'
  | 'leaked-reference'
  | 'helper-unavailable'
  | 'gpl-only'
  | 'misaligned'
  | 'invalid-pointer'
  | 'missing-core'
  | 'missing-kfunc'
  | 'missing-symbol'
  | 'stack-limit'
  | 'context-access'
  | 'return-value'
  | 'unreachable-code'
  | 'pointer-arithmetic'
  | 'variable-size'
  | 'argument-type'
  | 'kfunc-not-allowed'
  | 'locking'
  | 'sleeping'
  | 'read-only'
  | 'pointer-leak'
  | 'pointer-comparison'
  | 'division'
  | 'tail-call'
  | 'callback'
  | 'bad-instruction'
  | 'too-large'
  | 'recursion'
  | 'attach-target'
  | 'program-metadata'
  | 'kernel-bug'
  | 'unknown';

export interface VerifierRow {
  readonly class: VerifierClass;
  readonly pattern: RegExp;
  /** What the refused instruction must look like, as the kernel prints it; any where not said. */
  readonly instruction?: RegExp;
  /** In the user's words; `$1`… stand for groups of the pattern. */
  readonly explanation: string;
  readonly hint: string;
}

const GPL_HINT = 'say `char LICENSE[] SEC("license") = "GPL";` (BCC: `#define BPF_LICENSE GPL`), if that is the licence of your program';
const NO_PROG_ARRAY = 'a tail call goes through a map of another kind';
const PROG_ARRAY_HINT = 'its second argument is a map with the type BPF_MAP_TYPE_PROG_ARRAY (BCC: BPF_PROG_ARRAY), which holds programs';

export const VERIFIER_TABLE: readonly VerifierRow[] = [
  {
    class: 'missing-core',
    pattern: /invalid func unknown#195896080|invalid .*195896080/,
    explanation: 'an access to something that this kernel does not have can be reached',
    hint: 'guard it with bpf_core_field_exists() or bpf_core_type_exists(), so that it is dead code on this kernel',
  },
  {
    class: 'missing-kfunc',
    pattern: /invalid func unknown#2002\d{6}/,
    explanation: 'a call of a kernel function that this kernel does not have can be reached',
    hint: 'guard it with bpf_ksym_exists()',
  },
  {
    class: 'missing-symbol',
    pattern: /ldimm64 failed to find the address for kernel symbol '(\w+)'/,
    explanation: "this kernel does not know the address of its own '$1'",
    hint: 'variables are in its table of symbols only if it was built with CONFIG_KALLSYMS_ALL',
  },
  {
    class: 'null-pointer',
    pattern:
      /R(\d+) invalid mem access '(?:map_value|mem|sock|sock_common|tcp_sock|xdp_sock|ptr|rcu_ptr|rdonly_mem|alloc_mem|ringbuf_mem|buf|percpu_ptr|trusted_ptr|dynptr)?\w*_or_null/,
    explanation: 'a pointer that may be null is used without a check',
    hint: 'compare it with 0 first: `if (!p) return 0;` (a look-up in a map may find nothing)',
  },
  {
    class: 'null-pointer',
    pattern: /R(\d+) (?:type=\w*_or_null expected=|pointer arithmetic on \w*_or_null prohibited)/,
    explanation: 'a pointer that may be null is used without a check',
    hint: 'compare it with 0 before it is used or passed on; a sum of null and an offset is not null',
  },
  {
    class: 'null-pointer',
    pattern: /Possibly NULL pointer passed to (?:trusted|helper) arg(\d+)/,
    explanation: 'argument $1 may be null here',
    hint: 'compare it with 0 before the call',
  },
  {
    class: 'packet-bounds',
    pattern: /invalid access to packet|R\d+ offset is outside of the packet/,
    explanation: 'bytes of the packet are read that may lie beyond its end',
    hint: 'compare with data_end before the access, with the same pointer: `if ((void *)(hdr + 1) > data_end) return …;`; after a helper that changes the packet, read data and data_end again',
  },
  {
    class: 'map-bounds',
    pattern: /invalid access to map (value|key), (?:value|key)_size=(\d+) off=(-?\d+) size=(\d+)/,
    explanation: 'the access to the map $1 at byte $3, $4 bytes long, lies outside its $2 bytes',
    hint: 'check the index against the array length right before the access, or mask it: `i &= SIZE - 1`',
  },
  {
    class: 'map-bounds',
    pattern: /R(\d+) (?:min|max) value is outside of the allowed memory range|R\d+ unbounded memory access, make sure to bounds check/,
    explanation: 'the offset of the access is not known to be inside the memory',
    hint: 'check the index against the array length right before the access (as an unsigned number), or mask it: `i &= SIZE - 1`',
  },
  {
    class: 'variable-size',
    pattern: /R(\d+) (?:min value is negative, either use unsigned|unbounded memory access, use 'var &= const')/,
    explanation: 'the length passed to a helper is not known to be small and not negative',
    hint: 'make it unsigned and bound it: `if (len > sizeof(buf)) len = sizeof(buf);` or `len &= sizeof(buf) - 1`',
  },
  {
    class: 'variable-size',
    pattern: /R(\d+) invalid zero-sized read/,
    explanation: 'the length passed to a helper may be zero, which this helper does not take',
    hint: 'skip the call when the length is 0',
  },
  {
    class: 'stack-bounds',
    pattern:
      /invalid (?:write to |read from |indirect read from |indirect write to |indirect access to )?stack (?:R\d+ )?(?:off[ =])?(-?\d+)(?:\+\d+)? size[= ](\d+)/,
    explanation: "stack memory is read that was not written, or lies outside the 512 bytes of a function's stack",
    hint: 'initialise the whole variable, padding included: `struct key k = {};` or __builtin_memset; check array indexes',
  },
  {
    class: 'stack-bounds',
    pattern: /variable[- ](?:offset )?stack|invalid (?:unbounded )?variable-offset|uninit stack in range/,
    explanation: 'the place on the stack depends on a number that is not bounded',
    hint: 'check the index against the array length right before the access, or move the array into a map',
  },
  {
    class: 'uninitialised',
    pattern: /R(\d+) !read_ok/,
    explanation: 'a value is used that was not set on every path to here (register $1)',
    hint: 'give the variable a value where it is declared; a function that ends without `return` has no value; a program gets one argument, its context; calls overwrite registers 1 to 5',
  },
  {
    class: 'unbounded-loop',
    pattern: /infinite loop detected at insn (\d+)|back-edge from insn (\d+) to (\d+)/,
    explanation: 'a loop whose end the verifier cannot see',
    hint: 'give it a constant upper bound (`for (int i = 0; i < 64; i++)`), or use bpf_for() or bpf_loop()',
  },
  {
    class: 'too-complex',
    pattern: /BPF program is too large\. Processed (\d+) insn|The sequence of (\d+) jumps is too complex|bpf_loop iteration limit reached/,
    explanation: 'the program has more paths than the verifier follows (a million instructions)',
    hint: 'shorten loops, or move their bodies into bpf_loop() or a global function (`__noinline`), which is checked once',
  },
  {
    class: 'too-large',
    pattern: /argument list too long|insn_cnt|too many subprograms|program too large/,
    explanation: 'the program is larger than the kernel takes',
    hint: 'split it with tail calls',
  },
  {
    class: 'leaked-reference',
    pattern: /Unreleased reference id=(\d+)(?: alloc_insn=(\d+))?|tail_call would lead to reference leak|reference leak/,
    explanation: 'something that was acquired (a ring buffer record, a socket, a task) is not given back on every path',
    hint: 'submit, discard or release it on each way out of the program',
  },
  {
    class: 'gpl-only',
    pattern: /cannot call GPL-restricted function from non-GPL compatible program/,
    instruction: /call bpf_probe_read(?:_kernel)?(?:_str)?#/,
    explanation: 'this reads memory of the kernel, which only programs under the GPL may (`->` and `*` of a pointer to it are such reads)',
    hint: GPL_HINT,
  },
  {
    class: 'gpl-only',
    pattern: /cannot call GPL-restricted function from non-GPL compatible program/,
    instruction: /call bpf_probe_read_user(?:_str)?#/,
    explanation: 'this reads memory of a process, which only programs under the GPL may (`->` and `*` of a pointer to it are such reads)',
    hint: GPL_HINT,
  },
  {
    class: 'gpl-only',
    pattern: /Cannot access kernel 'struct (\w+)' from non-GPL/,
    explanation: 'this reads memory of the kernel (struct $1), which only programs under the GPL may',
    hint: GPL_HINT,
  },
  {
    class: 'gpl-only',
    pattern: /cannot call (?:GPL-restricted|kernel) function from non-GPL compatible program|must have a GPL compatible license/,
    explanation: 'this helper may only be used by programs under the GPL',
    hint: GPL_HINT,
  },
  {
    class: 'argument-type',
    pattern: /cannot pass map_type (\d+) into func (\w+)#\d+/,
    explanation: '$2() does not take maps of this kind',
    hint: 'each kind of map has helpers of its own',
  },
  {
    class: 'argument-type',
    pattern: /expected prog array map for tail call/,
    explanation: NO_PROG_ARRAY,
    hint: PROG_ARRAY_HINT,
  },
  {
    // As kernels up to 6.12 put it.
    class: 'argument-type',
    pattern: /kernel subsystem misconfigured verifier/,
    instruction: /call bpf_tail_call#12/,
    explanation: NO_PROG_ARRAY,
    hint: PROG_ARRAY_HINT,
  },
  {
    class: 'helper-unavailable',
    pattern: /invalid func (\w+)#(\d+)/,
    explanation: 'this kernel has no helper $1 (number $2)',
    hint: 'a later kernel may have it',
  },
  {
    class: 'helper-unavailable',
    pattern:
      /(?:unknown func|program of this type cannot use helper|func(?= \w+#\d+ (?:supported only for|not supported for))) (\w+)#(\d+)/,
    explanation: 'this kernel does not let a program of this type call $1()',
    hint: 'see which program types have the helper, and since which kernel; kernel lockdown in confidentiality mode takes away those that read kernel memory',
  },
  {
    class: 'kfunc-not-allowed',
    pattern: /calling kernel function (\w+) is not allowed/,
    explanation: 'programs of this type may not call the kernel function $1()',
    hint: 'each kernel function is offered to some program types only',
  },
  {
    class: 'kfunc-not-allowed',
    pattern:
      /calling kernel functions? (?:is|are) not (?:supported|allowed)|JIT (?:is required|does not support) (?:for )?calling kernel function/,
    explanation: 'this kernel does not support calls of kernel functions',
    hint: 'it needs CONFIG_DEBUG_INFO_BTF and the JIT',
  },
  {
    class: 'misaligned',
    pattern: /misaligned (?:\w+ )*access off/,
    explanation: 'an access is not aligned to its size',
    hint: 'read the bytes singly or with __builtin_memcpy; packed structs have unaligned members',
  },
  {
    class: 'context-access',
    pattern: /invalid bpf_context access off=(\d+) size=(\d+)/,
    explanation: 'this program type does not show $2 bytes at offset $1 of its context',
    hint: 'the field does not exist here, may not be written, or must be read whole (with its own width)',
  },
  {
    class: 'context-access',
    pattern: /dereference of modified (\w+) ptr|variable (\w+) access var_off|negative offset \w+ ptr/,
    explanation: 'the context may only be read at constant offsets from its start',
    hint: 'read its members through the original pointer; do not pass `&ctx->member` on or index it with a variable',
  },
  {
    class: 'invalid-pointer',
    pattern: /R(\d+) invalid mem access '(?:scalar|inv)\w*'/,
    explanation: 'a number is used as if it were a pointer (register $1)',
    hint: 'memory of the kernel is read with bpf_probe_read_kernel() or BPF_CORE_READ(), memory of a process with bpf_probe_read_user(); a pointer that was stored, shifted or read back from a map is a number',
  },
  {
    class: 'invalid-pointer',
    pattern: /R(\d+) invalid mem access '([\w ]+)'|R(\d+) is ptr_(\w+) (?:invalid|access)/,
    explanation: 'memory of this kind may not be read or written in this way',
    hint: 'use a helper that reads it: bpf_probe_read_kernel(), bpf_probe_read_user()',
  },
  {
    class: 'return-value',
    pattern:
      /At (?:program|async callback|subprogram) (?:exit|return|exits) the register R0|the register R0 (?:has|is not)|R0 not a scalar value/,
    explanation: 'the program returns a value that its type does not allow',
    hint: 'return one of the values of this program type (0 or 1 for most cgroup programs; 0 for fentry; an error number for LSM)',
  },
  {
    class: 'stack-limit',
    pattern:
      /combined stack size of (\d+) calls is (\d+)\. Too large|stack size of subprog \d+ is (\d+)\. Too large|stack size \d+\(extra \d+\) is too large/,
    explanation: 'the functions together use more than the 512 bytes of stack that a program has',
    hint: 'move large variables into a per-CPU array map with one entry',
  },
  {
    class: 'recursion',
    pattern: /the call stack of (\d+) frames is too deep|recursive call/,
    explanation: 'more than eight functions call each other, or one calls itself',
    hint: 'inline some of them (`static __always_inline`)',
  },
  {
    class: 'pointer-arithmetic',
    pattern: /math between (\w+) pointer and register with unbounded min value/,
    explanation: 'the index may be negative, as far as the verifier knows',
    hint: 'make the index unsigned (`u32 i`), or mask it: `i & (SIZE - 1)`; of a signed `%` the verifier knows nothing',
  },
  {
    class: 'pointer-arithmetic',
    pattern:
      /R(\d+) (?:32-bit )?pointer arithmetic|math between (\w+) pointer and|pointer offset -?\d+ is not allowed|makes \w+ pointer be out of bounds|R\d+ pointer [-+]= pointer prohibited|R\d+ (?:tried to subtract pointer|subtraction from stack pointer|bitwise operator)|partial copy of pointer|sign-extension part of pointer/,
    explanation: 'this calculation with a pointer is not allowed',
    hint: 'add or subtract bounded numbers only, in 64 bits; check the number before it is added',
  },
  {
    class: 'pointer-comparison',
    pattern: /R\d+ pointer comparison prohibited/,
    explanation: 'these two pointers may not be compared',
    hint: 'compare a pointer with 0, or packet pointers with data_end',
  },
  {
    class: 'pointer-leak',
    pattern: /R\d+ leaks addr|leaking pointer from stack|cannot return stack pointer/,
    explanation: 'an address would become visible outside the program',
    hint: 'store a number instead of the pointer',
  },
  {
    class: 'argument-type',
    pattern: /R(\d+) type=(?:map_value|fp|scalar|inv) expected=map_ptr/,
    explanation: 'argument $1 of the call must be a map, and is none',
    hint: 'a map stands in a section of its own: `struct { … } m SEC(".maps");`, and its address is given: `&m`',
  },
  {
    class: 'argument-type',
    pattern: /R(\d+) type=([\w ]+?)\s+expected=([\w, ]+)/,
    explanation: 'argument $1 of the call is a $2, but must be one of: $3',
    hint: 'copy the data to the stack first if the helper takes stack or map memory',
  },
  {
    class: 'argument-type',
    pattern:
      /arg#?\d+ (?:expected|pointer type|is neither|doesn't point|reference type)|R\d+ must be (?:referenced|a rcu pointer|a known constant)|R\d+ is of type (\w+) but (\w+) is expected|R\d+ is not a known constant|kernel function \w+ args#\d+/,
    explanation: 'an argument of the call has the wrong type',
    hint: 'see what the function takes; "trusted" pointers come from the context or from an acquiring function',
  },
  {
    class: 'tail-call',
    pattern: /tail_calls? (?:is|are|cannot|would|abusing)/,
    explanation: 'a tail call is not possible here',
    hint: 'release what is held before it; functions with much stack cannot make tail calls',
  },
  {
    class: 'locking',
    pattern:
      /bpf_spin_(?:un)?lock|spin_\{?lock|holding a lock|inside bpf_spin_lock|Locking two|rcu read (?:un)?lock|preempt_(?:en|dis)able|expected an RCU CS/,
    explanation: 'locks are not used as they must be',
    hint: 'take one lock at a time, release it on every path, and call nothing else while it is held',
  },
  {
    class: 'sleeping',
    pattern:
      /helper call might sleep|program must be sleepable|is sleepable within|sleepable helper|[Ss]leepable programs can only|can be sleepable/,
    explanation: 'something that may sleep is used where the program must not sleep, or the other way round',
    hint: 'use a sleepable section (`.s`: "lsm.s/…", "fentry.s/…") if the hook allows it',
  },
  {
    class: 'read-only',
    pattern:
      /write into map forbidden|read from map forbidden|cannot write into (?:packet|\w+)|only read (?:is|from \w+ is) supported|write to change key|does not allow writes to packet/,
    explanation: 'memory is written that may only be read',
    hint: 'constants (.rodata), packets in this program type and kernel objects are read-only',
  },
  {
    class: 'division',
    pattern: /div by zero|invalid shift/,
    explanation: 'a division by zero, or a shift by more than the width',
    hint: 'the constant cannot be right',
  },
  {
    class: 'unreachable-code',
    pattern: /unreachable insn (\d+)|jump out of range|last insn is not an exit or jmp|jump into the middle/,
    explanation: 'the program has code that cannot be reached, or ends without `return`',
    hint: 'this is usually a mistake of the compiler that made the program',
  },
  {
    class: 'callback',
    pattern: /callback function (?:not|cannot)|failed callback verification|callbacks? (?:are|is) not allowed/,
    explanation: 'a callback is not of the form that the kernel takes',
    hint: 'callbacks are static functions of this object',
  },
  {
    class: 'attach-target',
    pattern:
      /attach_btf_id|attach to (?:invalid|unsupported) member|is not a (?:modifiable|function)|Attaching fexit\/fmod_ret|cannot be attached|not allowed to attach/,
    explanation: 'the program cannot be attached to this target',
    hint: 'the function may be inlined, marked notrace, or not open to this kind of program',
  },
  {
    class: 'program-metadata',
    pattern: /func_info|line_info|missing btf|has to have BTF|kernel is missing BTF/,
    explanation: 'the types that come with the program do not fit it, or are missing',
    hint: 'maps with locks or timers need their value type; the kernel needs CONFIG_DEBUG_INFO_BTF for kernel types',
  },
  {
    class: 'memory-bounds',
    pattern:
      /invalid access to memory, mem_size=(\d+) off=(-?\d+) size=(\d+)|invalid (?:variable )?buffer (?:access|offset)|invalid access to flow keys|invalid negative access/,
    explanation: 'an access lies outside the memory that the pointer refers to',
    hint: 'check the index against the size right before the access',
  },
  {
    class: 'bad-instruction',
    pattern: /BPF_LD_\[ABS\|IND\]|BPF_LD_ABS\|IND/,
    explanation: 'loads from the packet by offset are not possible here',
    hint: 'they exist in socket filters and traffic control only, outside locks and callbacks; use bpf_skb_load_bytes()',
  },
  {
    class: 'bad-instruction',
    pattern:
      /uses reserved fields|unknown opcode|unknown insn class|invalid BPF_(?:ALU|JMP|LD)|unrecognized bpf_ld_imm64|invalid bpf_ld_imm64|invalid atomic|BPF_ATOMIC uses/,
    explanation: 'an instruction that this kernel does not know',
    hint: 'the program may be compiled for a newer instruction set: compile with a lower cpu version',
  },
  {
    class: 'kernel-bug',
    pattern: /verifier (?:internal error|bug)|kernel subsystem misconfigured|BUG /,
    explanation: "the kernel's verifier met a state that it holds for impossible",
    hint: 'this is a bug in the kernel; a newer version may have it fixed',
  },
];

/** A number that was a pointer until a call took it away: by what it was. */
export const LOST_POINTERS = {
  packet: {
    class: 'invalid-pointer',
    explanation: (call: string): string => `a pointer into the packet is used after ${call}(), which may move the packet`,
    hint: 'read data and data_end again after the call, and compare again before the access',
  },
  reference: {
    class: 'invalid-pointer',
    explanation: (call: string): string => `memory is used after ${call}() gave it away`,
    hint: 'do everything with it before that call; keep in a variable what is needed later',
  },
} as const;

/** The row of a refusal: the kernel's message and, where the log has it, the refused instruction. */
export function rowOf(message: string, instruction: string | undefined): VerifierRow | undefined {
  return VERIFIER_TABLE.find((row) => row.pattern.test(message) && row.instruction?.test(instruction ?? '') !== false);
}
