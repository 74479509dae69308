/** The part of the package that its own typings leave out: the functions, without the loading that only bundlers for the web can do. */
declare module 'gecko-profiler-demangle/index_bg.js' {
  export function demangle_any(name: string): string;
  export function __wbg_set_wasm(exports: Readonly<Record<string, unknown>>): void;
}
