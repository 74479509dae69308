/** Numbers of the ELF format that this project meets. Source: the generic and x86-64 ABI, include/uapi/linux/elf.h. */

export const ET = { REL: 1, EXEC: 2, DYN: 3, CORE: 4 } as const;

export const EM = { I386: 3, ARM: 40, X86_64: 62, AARCH64: 183, BPF: 247 } as const;

export const SHT = {
  NULL: 0,
  PROGBITS: 1,
  SYMTAB: 2,
  STRTAB: 3,
  RELA: 4,
  HASH: 5,
  DYNAMIC: 6,
  NOTE: 7,
  NOBITS: 8,
  REL: 9,
  DYNSYM: 11,
  SYMTAB_SHNDX: 18,
} as const;

export const SHF = { WRITE: 1, ALLOC: 2, EXECINSTR: 4, MERGE: 0x10, STRINGS: 0x20, INFO_LINK: 0x40, COMPRESSED: 0x800 } as const;

export const SHN = { UNDEF: 0, LORESERVE: 0xff00, ABS: 0xfff1, COMMON: 0xfff2, XINDEX: 0xffff } as const;

export const PT = { LOAD: 1, DYNAMIC: 2, INTERP: 3, NOTE: 4 } as const;
export const PF = { X: 1, W: 2, R: 4 } as const;

export const STB = { LOCAL: 0, GLOBAL: 1, WEAK: 2 } as const;
export const STT = { NOTYPE: 0, OBJECT: 1, FUNC: 2, SECTION: 3, FILE: 4, COMMON: 5, TLS: 6, GNU_IFUNC: 10 } as const;
export const STV = { DEFAULT: 0, INTERNAL: 1, HIDDEN: 2, PROTECTED: 3 } as const;

/** Relocations of BPF objects. */
export const R_BPF = {
  /** The constant of `ld_imm64`. */
  LD64: 1,
  ABS64: 2,
  ABS32: 3,
  /** Like ABS32, but not for the loader: within BTF and DWARF. */
  NODYLD32: 4,
  /** The immediate of a call. */
  CALL32: 10,
} as const;
