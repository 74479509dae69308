/**
 * From a user's words to C that a program can hold: as they stand, at their own column, in a "file" named after the
 * probe, so that the compiler's messages point into what the user typed.
 *
 *   trace 'vfs_read (arg3 > lim)'      probe 1:1:18: error: 'lim' is not declared
 *                                          1 |           arg3 > lim
 *
 * What the languages add to C is macros, which exist for the compiler only (`$` is a letter in GNU C): `$pid`, `arg1`,
 * `retval`, `STRCMP`. Only three things are exchanged in the words themselves, each by text that is as long:
 * `arg1@user`, `$entry(name)`, and a tracepoint's bare field.
 */
import type { Words } from './cursor.ts';

/** Names that stand for the same in every probe. */
export const COMMON_NAMES = `
#define $uid ((unsigned)bpf_get_current_uid_gid())
#define $gid ((unsigned)(bpf_get_current_uid_gid() >> 32))
#define $pid ((unsigned)bpf_get_current_pid_tgid())
#define $tgid ((unsigned)(bpf_get_current_pid_tgid() >> 32))
#define $cpu bpf_get_smp_processor_id()
#define $task ((struct task_struct *)bpf_get_current_task())
#define $PID ((unsigned)(bpf_get_current_pid_tgid() >> 32))
`;

/** Where the texts of a probe are: the kernel's memory, the process's, or first the one and then the other. */
export type Memory = 'kernel' | 'user' | 'either';

/** The first six arguments and the result, as registers hold them; `syscall`: behind the wrapper's own argument. */
export function registerNames(syscall: boolean): string {
  const lines = [1, 2, 3, 4, 5, 6].map((n) =>
    syscall ? `#define arg${n} PT_REGS_PARM${n}_SYSCALL(PT_REGS_SYSCALL_CTX(ctx))` : `#define arg${n} PT_REGS_PARM${n}(ctx)`,
  );
  return ['#define retval PT_REGS_RC(ctx)', '#define $retval PT_REGS_RC(ctx)', ...lines].join('\n');
}

export const NO_REGISTER_NAMES = ['retval', '$retval', ...[1, 2, 3, 4, 5, 6].map((n) => `arg${n}`)]
  .map((name) => `#undef ${name}`)
  .join('\n');

/** `STRCMP("text", expression)`: do the bytes there begin with the text? As in BCC a longer string is equal, too. */
export function stringCompare(memory: Memory): string {
  const read = (where: string) => `bpf_probe_read_${where}(__s, sizeof(__s), __p)`;
  const reading = memory === 'either' ? `(${read('kernel')} == 0 || ${read('user')} == 0)` : `${read(memory)} == 0`;
  return `#define STRCMP(text, where) ({ char __s[sizeof(text) - 1] = {}; void *__p = (void *)(where); ${reading} && !__builtin_memcmp(__s, text, sizeof(__s)); })`;
}

/** Reads a string into an array that is zero so far. */
export function readString(into: string, from: string, memory: Memory): string {
  const read = (where: string) => `bpf_probe_read_${where}_str(${into}, sizeof(${into}), __p)`;
  const reading = memory === 'either' ? `if (${read('kernel')} < 0) ${read('user')};` : `${read(memory)};`;
  return `{ void *__p = (void *)(${from}); ${reading} }`;
}

/** The words on a line and in a column of their own; `name` is how messages call the place. */
export function inPlace(words: Words, name: string): string {
  return `\n#line 1 "${name}"\n${' '.repeat(words.start)}${words.text}\n#line 1 "end of ${name}"\n`;
}

/** Without `@user` behind arguments; says whether there was one. */
export function withoutUserMarks(words: Words): { readonly words: Words; readonly user: boolean } {
  const text = words.text.replace(/\b(arg[1-6])@user\b/g, '$1     ');
  return { words: { ...words, text }, user: text !== words.text };
}

/** Names of C parameters, in order, and whether each is said to point into a process. */
export function parameters(signature: string): { readonly name: string; readonly type: string; readonly user: boolean }[] {
  if (signature.trim() === '' || signature.trim() === 'void') return [];
  return signature.split(',').map((declaration) => {
    const text = declaration.trim();
    const name = /([A-Za-z_]\w*)\s*(?:\[[^\]]*\])*$/.exec(text)?.[1] ?? '';
    return { name, type: text.slice(0, text.lastIndexOf(name)).trim(), user: /\b__user\b/.test(text) };
  });
}

/** USDT arguments that the words name are read once, into variables of their names. */
export function usdtArguments(words: readonly Words[]): string {
  const used = new Set(words.flatMap(({ text }) => text.match(/\barg\d+\b/g) ?? []));
  return [...used].map((name) => `    u64 ${name} = 0;\n    bpf_usdt_readarg(${name.slice(3)}, ctx, &${name});`).join('\n');
}
