/**
 * A frame: what an address means, and how BCC writes it.
 *
 *   do_sys_open+0x1a [kernel]      name, offset, module
 *   [unknown] [libfoo.so]          the module is known, the function is not
 *   [unknown]
 */
import { safe } from '../render/safe.ts';

export interface Frame {
  readonly address: bigint;
  /** Undefined: nobody knows. Names of C++ and Rust are demangled, unless that was not wanted. Not safe for a terminal yet. */
  readonly name: string | undefined;
  /** Bytes from the start of the function; 0 without a name. */
  readonly offset: number;
  /** 'kernel', the name of a kernel module, or the path of a file as the process sees it; undefined where nothing is mapped. */
  readonly module: string | undefined;
}

export interface SymbolFormat {
  /** `name [module]`; of a path the last part. */
  readonly showModule?: boolean;
  /** `name+0x1a`. */
  readonly showOffset?: boolean;
  /** False leaves names of C++ and Rust as the linker has them. */
  readonly demangle?: boolean;
}

export const UNKNOWN = '[unknown]';

/** As BCC's `sym()` and `ksym()` write it; safe for a terminal. */
export function frameText(frame: Frame, format: SymbolFormat = {}): string {
  const { name, module } = frame;
  const offset = format.showOffset === true && name !== undefined ? `+0x${frame.offset.toString(16)}` : '';
  const where = format.showModule === true && module !== undefined ? ` [${module.slice(module.lastIndexOf('/') + 1)}]` : '';
  return safe(`${name ?? UNKNOWN}${offset}${where}`);
}
