/** Objects: the spec in the middle of everything, from `.bpf.o` and to `.bpf.o`, and the tables of what BPF has. */
export type * from './spec.ts';
export { CORE_KINDS } from './spec.ts';
export { ObjectError, type ObjectErrorCode } from './error.ts';
export { readObject, type ReadOptions } from './read.ts';
export { writeObject } from './write.ts';
export { attachType, attachTypeByNumber, ATTACH_TYPES, type AttachType, type AttachTypeName } from './attach-types.ts';
export { mapProblems, mapType, mapTypeByNumber, MAP_TYPES, ringSize, type MapType, type MapTypeName } from './map-types.ts';
export { programType, programTypeByNumber, PROGRAM_TYPES, type ProgramType, type ProgramTypeName } from './program-types.ts';
export { matchSection, type SectionMatch } from './sections.ts';
export { SECTION_DEFS, type AutoAttach, type SectionDef } from './section-defs.ts';
