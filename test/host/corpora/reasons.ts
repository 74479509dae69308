/** Reasons why a source of others does not load, each with the look at the kernel that proves it. */
import { readFileSync } from 'node:fs';
import { compile } from '../../../src/compiler/compile.ts';
import { bccDialect } from '../../../src/compiler/dialect/bcc/dialect.ts';
import { loadObject } from '../../../src/link/load.ts';
import type { Host, Reason } from './verdict.ts';

let symbols: ReadonlySet<string> | undefined;
function hasFunction(name: string): boolean {
  symbols ??= new Set(
    readFileSync('/proc/kallsyms', 'utf8')
      .split('\n')
      .map((line) => line.split(/[ \t]/)[2] ?? ''),
  );
  return symbols.has(name);
}

function structIds({ facts }: Host, name: string): readonly number[] {
  return facts.btf?.findAll(name, 'struct', 'union') ?? [];
}

export function noMember(struct: string, member: string): Reason {
  return {
    text: `this kernel's struct ${struct} has no member ${member}`,
    holds: (host) => {
      const has = (id: number): boolean => {
        const type = host.facts.btf?.type(id);
        if (type === undefined || (type.kind !== 'struct' && type.kind !== 'union')) return false;
        return type.members.some((m) => m.name === member || (m.name === '' && has(m.type)));
      };
      return !structIds(host, struct).some(has);
    },
  };
}

export function noType(name: string): Reason {
  return { text: `this kernel's BTF has no struct ${name}`, holds: (host) => structIds(host, name).length === 0 };
}

export function noTracepoint(category: string, event: string): Reason {
  return {
    text: `this kernel has no tracepoint ${category}:${event}`,
    holds: () => {
      // Each tracepoint is a function that walks its listeners; every kernel has this one.
      if (!hasFunction('__traceiter_sched_switch')) throw new Error('/proc/kallsyms shows no tracepoints');
      return !hasFunction(`__traceiter_${event}`);
    },
  };
}

export function noFunction(name: string): Reason {
  return { text: `this kernel has no function ${name}`, holds: () => !hasFunction(name) };
}

export function notSet(config: string): Reason {
  return { text: `this kernel is built without ${config}`, holds: ({ facts }) => facts.kconfig(config) === undefined };
}

/** The same on every kernel. */
export function thisIsSo(what: string): Reason {
  return { text: what, holds: () => true };
}

/** What a program of two lines shows: refused with these words, or accepted. Asked once. */
function refuses(text: string, what: string, words: string): Reason {
  let refused: boolean | undefined;
  return {
    text: what,
    holds: ({ kernel, facts }) => {
      if (refused !== undefined) return refused;
      const { spec, diagnostics } = compile(text, { facts, dialect: bccDialect });
      if (spec === undefined) throw new Error(`the probe for '${what}' does not compile: ${diagnostics[0]?.message}`);
      try {
        const object = loadObject(spec, kernel, { facts, programs: () => false });
        try {
          for (const program of spec.programs) object.load(program);
        } finally {
          object.close();
        }
        return (refused = false);
      } catch (error) {
        if (!(error as Error).message.includes(words)) throw error;
        return (refused = true);
      }
    },
  };
}

/** Programs of trampolines are refused altogether, shown by one that does nothing. */
export const noTrampolines = refuses(
  'KFUNC_PROBE(vfs_read) { return 0; }',
  'this kernel refuses every fentry program',
  'this process may not do that',
);

/** Locked-down kernels have the helper and refuse it. */
export const noWriteUser = refuses(
  'int f(struct pt_regs *ctx) { char c = 0; bpf_probe_write_user((void *)PT_REGS_SP(ctx), &c, 1); return 0; }',
  'this kernel refuses bpf_probe_write_user',
  'cannot use helper bpf_probe_write_user',
);
