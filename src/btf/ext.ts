/**
 * `.BTF.ext`: what BTF says about instructions, by ELF section.
 *
 *   header | function info | line info | CO-RE relocations
 *
 * Each part is a record size, then for every section its name, a count and that many records. Records may be longer
 * than what is known here; the rest is skipped. Names and texts are offsets into the string table of `.BTF`.
 * Offsets of instructions are bytes in the section. The kernel wants the same records with offsets in instruction
 * slots and without sections: `encodeFuncInfo` and `encodeLineInfo`.
 *
 * Source: Documentation/bpf/btf.rst, include/uapi/linux/bpf.h.
 */
import { BtfError } from './error.ts';
import { BTF_MAGIC, BTF_VERSION } from './format.ts';
import type { BtfImage } from './write.ts';

export interface FuncInfo {
  readonly offset: number;
  readonly type: number;
}
export interface LineRecord {
  readonly offset: number;
  readonly file: string;
  /** The source line itself; the verifier prints it. */
  readonly text: string;
  readonly line: number;
  readonly column: number;
}
export interface CoreRecord {
  readonly offset: number;
  readonly type: number;
  readonly access: string;
  /** `CORE_KINDS` index. */
  readonly kind: number;
}

/** Records of one ELF section, in the order of the file. */
export interface ExtSection<T> {
  readonly section: string;
  readonly records: readonly T[];
}

export interface ExtInfo {
  readonly functions: readonly ExtSection<FuncInfo>[];
  readonly lines: readonly ExtSection<LineRecord>[];
  readonly core: readonly ExtSection<CoreRecord>[];
}

export const FUNC_INFO_SIZE = 8;
export const LINE_INFO_SIZE = 16;
const CORE_RELO_SIZE = 16;
const HEADER_SIZE = 32;
const HEADER_SIZE_WITHOUT_CORE = 24;
/** Line numbers share a word with columns. */
const MAX_LINE = 2 ** 22 - 1;
const MAX_COLUMN = 2 ** 10 - 1;

// ---- reading

/** `text` gives the string at an offset of `.BTF`'s string table (`BtfReader.text`). */
export function readExt(bytes: Uint8Array, text: (offset: number) => string): ExtInfo {
  if (bytes.length < HEADER_SIZE_WITHOUT_CORE) throw new BtfError('truncated', '.BTF.ext has no complete header');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint16(0, true) !== BTF_MAGIC) throw new BtfError('format', '.BTF.ext does not begin with the magic of BTF');
  const length = view.getUint32(4, true);
  if (length < HEADER_SIZE_WITHOUT_CORE || length > bytes.length) {
    throw new BtfError('format', `.BTF.ext header length ${length} does not fit ${bytes.length} bytes`);
  }
  const part = (at: number): DataView => {
    const from = length + view.getUint32(at, true);
    const size = view.getUint32(at + 4, true);
    if (from + size > bytes.length) throw new BtfError('truncated', '.BTF.ext: a part reaches beyond the section');
    return new DataView(bytes.buffer, bytes.byteOffset + from, size);
  };
  return {
    functions: readPart(part(8), FUNC_INFO_SIZE, text, (v, at) => ({
      offset: v.getUint32(at, true),
      type: v.getUint32(at + 4, true),
    })),
    lines: readPart(part(16), LINE_INFO_SIZE, text, (v, at) => ({
      offset: v.getUint32(at, true),
      file: text(v.getUint32(at + 4, true)),
      text: text(v.getUint32(at + 8, true)),
      line: v.getUint32(at + 12, true) >>> 10,
      column: v.getUint32(at + 12, true) & MAX_COLUMN,
    })),
    core:
      length < HEADER_SIZE
        ? []
        : readPart(part(24), CORE_RELO_SIZE, text, (v, at) => ({
            offset: v.getUint32(at, true),
            type: v.getUint32(at + 4, true),
            access: text(v.getUint32(at + 8, true)),
            kind: v.getUint32(at + 12, true),
          })),
  };
}

function readPart<T>(
  view: DataView,
  least: number,
  text: (offset: number) => string,
  read: (view: DataView, at: number) => T,
): ExtSection<T>[] {
  if (view.byteLength === 0) return [];
  const truncated = (): BtfError => new BtfError('truncated', '.BTF.ext: records reach beyond their part');
  if (view.byteLength < 4) throw truncated();
  const size = view.getUint32(0, true);
  if (size < least) throw new BtfError('format', `.BTF.ext: records of ${size} bytes are too short`);
  const sections: ExtSection<T>[] = [];
  let at = 4;
  while (at < view.byteLength) {
    if (at + 8 > view.byteLength) throw truncated();
    const section = text(view.getUint32(at, true));
    const count = view.getUint32(at + 4, true);
    at += 8;
    if (at + count * size > view.byteLength) throw truncated();
    const records: T[] = [];
    for (let i = 0; i < count; i++, at += size) records.push(read(view, at));
    sections.push({ section, records });
  }
  return sections;
}

// ---- writing

/** `.BTF.ext` for these records; their names and texts are added to the strings of `image`. */
export function encodeExt(info: ExtInfo, image: BtfImage): Uint8Array {
  const functions = encodePart(info.functions, FUNC_INFO_SIZE, image, (r) => [r.offset, r.type]);
  const lines = encodePart(info.lines, LINE_INFO_SIZE, image, (r) => lineWords(r.offset, r, image));
  const core = encodePart(info.core, CORE_RELO_SIZE, image, (r) => [r.offset, r.type, image.string(r.access), r.kind]);
  const header = [0, 0, 0, 0, 0, 0, 0, 0];
  header[0] = BTF_MAGIC | (BTF_VERSION << 16);
  header[1] = HEADER_SIZE;
  let at = 0;
  [functions, lines, core].forEach((part, i) => {
    header[2 + 2 * i] = at;
    header[3 + 2 * i] = part.length * 4;
    at += part.length * 4;
  });
  return toBytes([...header, ...functions, ...lines, ...core]);
}

function encodePart<T>(sections: readonly ExtSection<T>[], size: number, image: BtfImage, encode: (record: T) => number[]): number[] {
  const filled = sections.filter((s) => s.records.length > 0);
  if (filled.length === 0) return [];
  const words = [size];
  for (const { section, records } of filled) {
    words.push(image.string(section), records.length);
    for (const record of records) words.push(...encode(record));
  }
  return words;
}

function lineWords(offset: number, record: Omit<LineRecord, 'offset'>, image: BtfImage): number[] {
  const line = Math.min(record.line, MAX_LINE);
  const column = Math.min(record.column, MAX_COLUMN);
  // A text may hold what a string of BTF cannot.
  const text = record.text.replaceAll('\0', ' ');
  return [offset, image.string(record.file), image.string(text), ((line << 10) | column) >>> 0];
}

/** `func_info` of BPF_PROG_LOAD. `slot` counts 8-byte instruction slots from the program's start. */
export function encodeFuncInfo(records: readonly { readonly slot: number; readonly type: number }[]): Uint8Array {
  return toBytes(records.flatMap((r) => [r.slot, r.type]));
}

/** `line_info` of BPF_PROG_LOAD; the texts are added to the strings of `image`, which is the BTF to load with it. */
export function encodeLineInfo(records: readonly (Omit<LineRecord, 'offset'> & { readonly slot: number })[], image: BtfImage): Uint8Array {
  return toBytes(records.flatMap((r) => lineWords(r.slot, r, image)));
}

function toBytes(words: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(words.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [i, word] of words.entries()) view.setUint32(4 * i, word, true);
  return bytes;
}
