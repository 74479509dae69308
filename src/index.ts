/**
 * skep: a BPF toolkit for TypeScript.
 *
 *   import { BPF } from 'skep';
 *   await using b = await BPF.load({ text: C_SOURCE });
 *
 * The rooms below can be had alone: 'skep/compiler', 'skep/vm', 'skep/btf', 'skep/isa'.
 */

export type { Attachment } from './attach/attachment.ts';
export type { ProbeAlternative } from './attach/choose.ts';
export { BPF, type LoadAlternative, type LoadOptions } from './bcc/bpf.ts';
export { type ContainerOptions, filterByContainers } from './bcc/containers.ts';
export type { Stack } from './bcc/stacks.ts';
export { type PrintOptions, Table } from './bcc/table.ts';
export { onlineCpus, possibleCpus, thisKernel } from './bcc/this-machine.ts';
export type { UprobePlace } from './bcc/uprobes.ts';
export { USDT, type UsdtPlace, type UsdtProbeInfo, type UsdtTarget } from './bcc/usdt.ts';
export { BtfError } from './btf/error.ts';
export { CompileError } from './compiler/compile-error.ts';
export type { TargetFacts } from './compiler/target-facts.ts';
export type { EventOptions } from './events/open.ts';
export type { EventStream, ReadOptions } from './events/stream.ts';
export type { UserRing } from './events/user-ring.ts';
export { FeatureError, LockdownError, PrivilegeError, UsageError, UserError } from './kernel/errors.ts';
export { type Kernel, KernelError } from './kernel/port.ts';
export { LinkError } from './link/error.ts';
export { VerifierError } from './link/verifier-error.ts';
export type { MapInput, MapValue } from './maps/codec.ts';
export type { Column, Columns } from './maps/columns.ts';
export { MapFullError } from './maps/elements.ts';
export type { ReadAllOptions } from './maps/map.ts';
export type { MappedArray } from './maps/mapped.ts';
export type { AnyMap } from './maps/open.ts';
export type { Variable } from './maps/variables.ts';
export type { ProgramTypeName } from './object/program-types.ts';
export type { ObjectSpec } from './object/spec.ts';
export { linearLines, log2Lines } from './render/histogram.ts';
export { safe } from './render/safe.ts';
export { foldedStack, stackLines } from './render/stacks.ts';
export { type Frame, frameText, type SymbolFormat } from './symbols/frame.ts';
export { Symbols } from './symbols/symbols.ts';
