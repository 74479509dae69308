const decoder = new TextDecoder();

/** A string table: NUL-terminated names by offset. An offset outside of it is an empty name. */
export class ElfStrings {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  at(offset: number): string {
    const { bytes } = this;
    let end = offset;
    let high = 0;
    for (let byte: number; (byte = bytes[end]) > 0; end++) high |= byte;
    const name = bytes.subarray(offset, end);
    if (high >= 0x80 || name.length > 1024) return decoder.decode(name);
    return String.fromCharCode.apply(null, name as unknown as number[]);
  }

  /** Compares without making a string: for a search in a large table. `end`: the byte that must follow. */
  equals(offset: number, name: Uint8Array, end = 0): boolean {
    for (let i = 0; i < name.length; i++) if (this.bytes[offset + i] !== name[i]) return false;
    return this.bytes[offset + name.length] === end;
  }
}
