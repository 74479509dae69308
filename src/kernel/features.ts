/**
 * What this kernel can do, asked cheaply: nothing is loaded or attached, only files and types are read, each once.
 *
 *   BTF            functions, structs, tracepoints by type         (already mapped for the compiler: microseconds)
 *   tracefs        tracepoints by name                             (one small file)
 *   /proc/kallsyms names that have no type                         (large: only when the types do not know the name)
 *
 * The answers are for choosing (`attach/choose.ts`) and for messages. A yes is no promise: lockdown, an LSM or `notrace`
 * may still stand in the way, which only the attempt shows.
 */
import type { BtfSource } from '../btf/types.ts';
import { isDenied } from './errors.ts';
import { readKconfig } from './kconfig.ts';
import { kernelBtf, modulesWithBtf } from './kernel-btf.ts';
import { activeSecurityModules } from './lockdown.ts';
import { type Kernel, KernelError } from './port.ts';
import { readTextIfThere } from './text.ts';
import { tracefsPath, tracepointId } from './tracefs.ts';
import { atLeast, type KernelVersion, readKernelVersion } from './version.ts';

export class Features {
  readonly #kernel: Kernel;
  readonly #arch: string;
  readonly #known = new Map<string, boolean>();
  #version: KernelVersion | undefined;
  #symbols: string | undefined;

  constructor(kernel: Kernel, arch: string = process.arch) {
    this.#kernel = kernel;
    this.#arch = arch;
  }

  get version(): KernelVersion {
    return (this.#version ??= readKernelVersion(this.#kernel));
  }

  get btf(): BtfSource | undefined {
    return kernelBtf(this.#kernel);
  }

  /**
   * fentry, fexit and fmod_ret: types of the kernel, and ftrace's direct calls. Linux 5.5 on x86_64, 6.4 on arm64.
   */
  get trampolines(): boolean {
    return this.#once('trampolines', () => {
      if (this.btf === undefined || !atLeast(this.version, this.#arch === 'arm64' ? '6.4' : '5.5')) return false;
      const kconfig = readKconfig(this.#kernel, () => this.version.release);
      if (kconfig.known) return kconfig.get('DYNAMIC_FTRACE_WITH_DIRECT_CALLS') === 'y';
      return this.hasSymbol('register_ftrace_direct');
    });
  }

  /** LSM programs that run: BPF among the active security modules. */
  get lsm(): boolean {
    return this.#once('lsm', () => this.btf !== undefined && (activeSecurityModules(this.#kernel)?.includes('bpf') ?? false));
  }

  /** kprobes, by the perf device or, on older kernels, by tracefs. */
  get kprobes(): boolean {
    return this.#once('kprobes', () => this.#device('kprobe') || this.#inTracefs('kprobe_events'));
  }

  get uprobes(): boolean {
    return this.#once('uprobes', () => this.#device('uprobe') || this.#inTracefs('uprobe_events'));
  }

  /** One link for many places of a file. */
  get uprobeMulti(): boolean {
    return this.#once('uprobe.multi', () => atLeast(this.version, '6.6') && this.uprobes);
  }

  /** Attach cookies on probes: a program can tell the places apart that it hangs on. */
  get probeCookies(): boolean {
    return atLeast(this.version, '5.15');
  }

  /** One link for many functions. */
  get kprobeMulti(): boolean {
    return this.#once('kprobe.multi', () => {
      if (!atLeast(this.version, '5.18')) return false;
      const kconfig = readKconfig(this.#kernel, () => this.version.release);
      return kconfig.known ? kconfig.get('FPROBE') === 'y' : this.hasSymbol('register_fprobe_ips');
    });
  }

  /** 'block', 'block_rq_issue'. True also where this process may not look: the attempt says what is missing. */
  tracepoint(category: string, event: string): boolean {
    return this.#once(`tracepoint ${category}:${event}`, () => {
      try {
        return tracepointId(this.#kernel, category, event) !== undefined;
      } catch (error) {
        if (error instanceof KernelError) return isDenied(error);
        throw error;
      }
    });
  }

  /** A tracepoint by name alone, as raw tracepoints and `tp_btf` take it. Of the kernel itself, or of a module that is loaded. */
  rawTracepoint(event: string): boolean {
    return this.#once(`raw tracepoint ${event}`, () => this.#typed(`btf_trace_${event}`, 'typedef'));
  }

  /** A function that has a type, as fentry needs it. */
  typedFunction(name: string): boolean {
    return this.#once(`typed ${name}`, () => this.#typed(name, 'func'));
  }

  /** A function of the kernel: not inlined everywhere, under this very name. */
  hasFunction(name: string): boolean {
    return this.#once(`function ${name}`, () => this.btf?.find(name, 'func') !== undefined || this.#inSymbols(name, 'tTwW'));
  }

  /** Anything that the kernel has a name for. */
  hasSymbol(name: string): boolean {
    return this.#once(`symbol ${name}`, () => this.#inSymbols(name, 'a-zA-Z'));
  }

  /** Undefined where the kernel has no such struct (or no types). Members of anonymous members count. */
  structHasField(struct: string, field: string): boolean | undefined {
    const { btf } = this;
    const ids = btf?.findAll(struct, 'struct', 'union') ?? [];
    if (btf === undefined || ids.length === 0) return undefined;
    return ids.some((id) => hasMember(btf, id, field));
  }

  /** Undefined where the kernel has no such enum (or no types). */
  enumHasValue(name: string, value: string): boolean | undefined {
    const { btf } = this;
    const ids = btf?.findAll(name, 'enum', 'enum64') ?? [];
    if (btf === undefined || ids.length === 0) return undefined;
    return ids.some((id) => {
      const type = btf.type(id);
      return (type.kind === 'enum' || type.kind === 'enum64') && type.values.some((v) => v.name === value);
    });
  }

  #once(key: string, find: () => boolean): boolean {
    let known = this.#known.get(key);
    if (known === undefined) this.#known.set(key, (known = find()));
    return known;
  }

  #typed(name: string, kind: 'func' | 'typedef'): boolean {
    if (this.btf?.find(name, kind) !== undefined) return true;
    return modulesWithBtf(this.#kernel).some((module) => kernelBtf(this.#kernel, module)?.find(name, kind) !== undefined);
  }

  #inSymbols(name: string, types: string): boolean {
    this.#symbols ??= readTextIfThere(this.#kernel, '/proc/kallsyms') ?? '';
    return new RegExp(`^[0-9a-f]+ [${types}] ${escape(name)}(?:\\t.*)?$`, 'm').test(this.#symbols);
  }

  #device(kind: string): boolean {
    return this.#kernel.exists(`/sys/bus/event_source/devices/${kind}/type`);
  }

  #inTracefs(file: string): boolean {
    try {
      return this.#kernel.exists(`${tracefsPath(this.#kernel)}/${file}`);
    } catch (error) {
      // Where this process may not look, the attempt says what is missing.
      if (error instanceof KernelError) return isDenied(error);
      throw error;
    }
  }
}

const features = new WeakMap<Kernel, Features>();

/** The same object each time: answers are kept. */
export function featuresOf(kernel: Kernel): Features {
  let found = features.get(kernel);
  if (found === undefined) features.set(kernel, (found = new Features(kernel)));
  return found;
}

function hasMember(btf: BtfSource, id: number, field: string): boolean {
  const type = btf.type(id);
  if (type.kind !== 'struct' && type.kind !== 'union') return false;
  return type.members.some((member) => member.name === field || (member.name === '' && hasMember(btf, member.type, field)));
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
