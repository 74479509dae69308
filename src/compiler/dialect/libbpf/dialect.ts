/**
 * libbpf's dialect of C, as in kernel samples, selftests and programs written for libbpf.
 *
 *   SEC("kprobe/vfs_read")                           sections say what a function is   programs.ts
 *   struct { __uint(type, …); … } m SEC(".maps");    maps are described by types       maps.ts
 *   int BPF_PROG(f, struct file *file)               arguments of probes               tracing-header.ts, ../arguments.ts
 *   BPF_CORE_READ(task, mm, exe_file)                                                  core-read-header.ts
 *   bpf_map_lookup_elem(&m, &key)                    helpers by name                   ../helpers.ts
 */

import { constantsLike } from '../constants/constants.ts';
import type { Dialect } from '../dialect.ts';
import { allHelpers, helperDeclaration } from '../helpers.ts';
import { kernelBuiltin, kernelBuiltinNames } from '../kernel/builtins.ts';
import { kernelFunction, kernelFunctionNames } from '../kernel/functions.ts';
import { kernelType } from '../kernel/types.ts';
import { kernelMacro } from '../kernel/values.ts';
import { libbpfHeader } from './headers.ts';
import { libbpfMap } from './maps.ts';
import { libbpfProgram } from './programs.ts';

export const libbpfDialect: Dialect = {
  name: 'libbpf',
  prelude: '',
  inlineAll: false,
  keepsGlobals: true,
  header: libbpfHeader,
  macroHeaders: ['bpf/bpf_helpers.h', 'bpf/bpf_tracing.h', 'bpf/bpf_core_read.h', 'bpf/usdt.bpf.h'],
  macro: kernelMacro,
  typeText: (tag, name) => kernelType(tag, name),
  functionText: (name) => kernelFunction(name) ?? helperDeclaration(name),
  *functionNames() {
    yield* kernelFunctionNames();
    yield* kernelBuiltinNames();
    for (const helper of allHelpers()) yield helper.name;
  },
  constantNames: constantsLike,
  mapOf: libbpfMap,
  isMethod: () => false,
  methodCall: (_base, name) => {
    throw new Error(`libbpf has no methods: ${name}`);
  },
  builtinCall: kernelBuiltin,
  program: libbpfProgram,
};
