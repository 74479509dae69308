/** The fast engine: a program compiled to WebAssembly at its first call. */

import type { Code } from '../code.ts';
import type { Executable, Runtime } from '../runtime.ts';
import { FAULT_KINDS } from './locals.ts';
import { translate } from './translate.ts';
import { WASM } from './types.ts';

type Run = (fn: number, depth: number) => void;

export function createWasmExecutable(code: Code, runtime: Runtime): Executable {
  let run: Run | undefined;
  return {
    code,
    call(fn, depth) {
      run ??= instantiate(code, runtime);
      run(fn, depth);
    },
  };
}

function instantiate(code: Code, runtime: Runtime): Run {
  const module = new WASM.Module(translate(code, runtime.memory.capacity));
  const instance = new WASM.Instance(module, {
    vm: {
      memory: runtime.memory.wasm,
      call: (index: number, depth: number): number => (runtime.call(code, index, depth) ? 1 : 0),
      fault: (kind: number, index: number, size: number, address: bigint): never =>
        runtime.fault(FAULT_KINDS[kind] ?? 'read', code, index, BigInt.asUintN(64, address), size),
      packetLoad: (index: number, offset: number): number => (runtime.packetLoad(code, index, offset) ? 1 : 0),
    },
  });
  return instance.exports['run'] as Run;
}
