/** ELF: reading files of any machine, writing BPF objects. */
export { EM, ET, PF, PT, R_BPF, SHF, SHN, SHT, STB, STT, STV } from './constants.ts';
export { ElfError, type ElfErrorCode } from './error.ts';
export type { ElfNote } from './notes.ts';
export { type ByteSource, ElfFile, type ElfRelocation, type ElfSection, type ElfSegment } from './read.ts';
export { type UsdtProbe, usdtProbes } from './stapsdt.ts';
export type { ElfStrings } from './strings.ts';
export type { ElfSymbol, ElfSymbols, SymbolColumns } from './symbols.ts';
export { parseUsdtArguments, ptRegsOffset, type UsdtArgument, type UsdtMachine, type UsdtPlace } from './usdt-arguments.ts';
export { ElfBuilder, type NewSection, type NewSymbol, type SectionHandle, type SymbolHandle } from './write.ts';
