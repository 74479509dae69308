/** Objects: the spec in the middle of everything, from `.bpf.o` and to `.bpf.o`, and the tables of what BPF has. */

export { ATTACH_TYPES, type AttachType, type AttachTypeName, attachType, attachTypeByNumber } from './attach-types.ts';
export { ObjectError, type ObjectErrorCode } from './error.ts';
export { MAP_TYPES, type MapType, type MapTypeName, mapProblems, mapType, mapTypeByNumber, ringSize } from './map-types.ts';
export { PROGRAM_TYPES, type ProgramType, type ProgramTypeName, programType, programTypeByNumber } from './program-types.ts';
export { type ReadOptions, readObject } from './read.ts';
export { type AutoAttach, SECTION_DEFS, type SectionDef } from './section-defs.ts';
export { matchSection, type SectionMatch } from './sections.ts';
export type * from './spec.ts';
export { CORE_KINDS } from './spec.ts';
export { writeObject } from './write.ts';
