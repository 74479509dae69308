/** The user-space machine: programs run without a kernel, in Node and in a browser. */
export { type FaultKind, VmFault, VmLoadError } from './fault.ts';
export type { HelperCall, HelperFunction, HelperRow } from './helpers/call.ts';
export type { Trace, TraceEvent } from './interpret.ts';
export { createMachine, Machine, type MachineOptions, type RunInput, type RunResult, runInsns } from './machine.ts';
export { MapError, VmMap } from './maps/map.ts';
export type { MachineState, VmTask } from './state.ts';
