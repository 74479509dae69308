/**
 * What to change, for the messages that writers of BPF programs and of C meet most. What each code means stands in
 * `codes.ts`; a code without a line here is one whose meaning says it all. Code is in backticks.
 */
import type { Code } from './codes.ts';

const CODE_ADVICE: Readonly<Partial<Record<Code, string>>> = {
  // The preprocessor
  'include-not-found':
    "headers of the kernel and of libbpf are built in; give folders of your own with `-I`, and write your files' names in quotes",
  'library-header':
    'leave the line out: use helpers (`bpf_trace_printk`, `bpf_probe_read_str`) and `__builtin_memcpy`, `__builtin_memset` instead',
  'macro-redefined': 'rename one of the two, or `#undef` the first',
  // The parser
  'expected-semicolon': "end the line at the caret with ';'; maps of BCC (`BPF_HASH(…);`) need one, too",
  'expected-declaration': 'look for a brace too many, or a macro whose header is not included, just before the caret',
  'unclosed-bracket': 'close the bracket that the note shows',
  'nested-function': "close the function before with '}'",
  'old-style-definition': 'write the types inside the parentheses: `int f(int a)`',
  // Names and types
  'undeclared-identifier': 'declare it, correct its name, or include the header that has it',
  'undeclared-function':
    'BPF has no C library: call a helper, a kernel function (`extern … __ksym`) or a function of your own that stands before',
  'unknown-type': "correct the name, include `<vmlinux.h>` for the kernel's types, or write `struct` before it",
  'incomplete-type': "define the struct, correct its name, or include `<vmlinux.h>` for the kernel's types",
  'no-member': 'correct the name; members that only some kernels have are read after `bpf_core_field_exists()`',
  'arrow-needed': "write '->' after a pointer and '.' after a struct",
  'no-floating-point': 'count in integers: nanoseconds, bytes, hundredths; divide where the numbers are shown',
  'variable-length-array': 'give the array the largest length that you need, as a constant',
  'object-too-large': 'put it into a map: `BPF_PERCPU_ARRAY(tmp, struct big, 1)` and `tmp.lookup(&zero)`',
  'bad-argument-count': 'compare with the declaration that the note shows',
  'int-conversion': 'pass the address (`&key`) where a pointer is needed; cast where the number is meant to be one',
  'incompatible-pointer': 'pass a variable of the type that is asked for, or cast where you know better',
  'computed-goto': 'use `switch`, or a tail call',
  'missing-return': 'end the function with `return 0;`',
  'return-value': 'make the `return` and the result type of the function agree',
  // The dialects
  'bad-format': '`%c %s %d %i %u %x` with `l` and `ll`, and `%p` are known; give one value for each',
  'bad-map': 'maps need types of key and value of a size that is known, and a number of entries above zero',
  'data-loc-as-pointer': 'in BCC use `TP_DATA_LOC_READ_CONST`; otherwise add the low 16 bits of the field to `ctx`',
  'no-packet': 'make `struct __sk_buff *skb` the first parameter of the function',
  'program-parameter':
    'read it from the context; of a function that is watched, `BPF_KPROBE(name, …)` and `BPF_PROG(name, …)` make parameters of the arguments',
  'too-many-arguments': 'read more from `PT_REGS_SP(ctx)`, or attach to a function nearer to what you want',
  'too-many-printk-values': 'print in two lines, or send a struct through a perf buffer or a ring buffer',
  'undefined-table': 'declare the inner map before the outer one',
  'unknown-section': "write one of libbpf's names: `kprobe/vfs_read`, `tp/sched/sched_switch`, `fentry/vfs_read`, `xdp`, `tc`",
  'unknown-tracepoint': 'correct category and name: `/sys/kernel/tracing/events` has those of this kernel',
  'unnamed-argument': 'name the parameter',
  'unknown-method': 'correct the name; `docs/dialect.md` has the methods of each kind of map',
  'useless-insert': 'use `update()`, or `lookup()` and store into what it finds',
  'wrong-map-kind': 'declare the map of another kind, or use a method that this kind has',
  'usdt-unknown-probe': 'enable a probe for the function before compiling: `usdt.enableProbe(…)`',
  // Warnings
  'assignment-in-condition': "write '==', or a second pair of parentheses where '=' is meant",
  'empty-body': "take the ';' behind the condition away, or write `{}`",
  'helper-too-new': 'use an older helper, or say for which kernel you compile',
  'map-without-section': 'write `SEC(".maps")` between the name of the variable and the semicolon',
  precedence: 'add parentheses',
  'unchecked-lookup': 'check it first: `if (!p) return 0;`; a look-up finds nothing where the key was never stored',
  uninitialized: 'give it a value where it is declared: `struct key k = {};` (padding included)',
  'unused-but-set': 'remove it, or use it',
  'unused-function': 'call it, remove it, or mark it `__attribute__((unused))`; a program needs its `SEC("…")`',
  'unused-variable': 'remove it',
  // Code generation
  'address-in-initializer': 'take the address inside the function that uses it',
  'atomic-needs-v3': 'compile with `cpu: 3` (kernels since 5.12), or use `__sync_fetch_and_add` without its result',
  'floating-point': 'count in integers: nanoseconds, bytes, hundredths; divide where the numbers are shown',
  'function-too-large': 'remove `#pragma unroll` from long loops, or make parts `__noinline`',
  'indirect-call': 'call the function by its name, or use a tail call (`bpf_tail_call`, a map of programs)',
  recursion: 'write a loop with a bound',
  'stack-too-large':
    'put large variables into a map of one entry per CPU: `BPF_PERCPU_ARRAY(tmp, struct big, 1)`; or fill the event where it is sent from: `bpf_ringbuf_reserve()`',
  'undefined-function': 'give it a body, or mark it as a function of the kernel: `extern … __ksym`',
  'undefined-variable': 'define it, or say where it comes from: `__kconfig`, `__ksym`',
  'unroll-failed': 'give the loop constant bounds, or remove the pragma: kernels since 5.3 take loops with a bound',
  'too-many-parameters': 'pass a pointer to a struct, or make the function `static __always_inline`',
  'variable-size': 'use a constant size, or a helper: `bpf_probe_read_kernel(dst, len, src)`',
  'write-to-kernel-memory': 'kernel memory can only be read; copy it into a variable and change that',
  'write-to-user-memory': 'use `bpf_probe_write_user()`',
};

/** What to change, where the meaning does not say it all. */
export function adviceOf(code: string): string | undefined {
  return (CODE_ADVICE as Readonly<Record<string, string | undefined>>)[code];
}
