/** The part of the WebAssembly API that the machine uses; neither TypeScript's ES library nor Node's types declare it. */

export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

export interface WasmInstance {
  readonly exports: Readonly<Record<string, unknown>>;
}

export interface WasmApi {
  readonly Memory: new (descriptor: { readonly initial: number; readonly maximum?: number }) => WasmMemory;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: Readonly<Record<string, Readonly<Record<string, unknown>>>>) => WasmInstance;
}

/** Every JavaScript engine of the last years has it; reached through the global object so that no library type is needed. */
export const WASM: WasmApi = (globalThis as unknown as { readonly WebAssembly: WasmApi }).WebAssembly;
