/**
 * xz, for the symbol tables inside stripped files: the xz-embedded decoder as WebAssembly (package xz-decompress).
 */

/** A symbol table that claims more than this is not unpacked. */
const MAX_SIZE = 256 << 20;
/** Pieces without a byte that may follow each other: headers, never megabytes of them. */
const MAX_EMPTY = 64;

/** Undefined when it is no xz stream, a broken one, or unpacks to more than a symbol table has. */
export async function unxz(packed: Uint8Array): Promise<Uint8Array | undefined> {
  try {
    // A CommonJS module: Node puts what it exports into `default`, a bundler beside it.
    const loaded: typeof import('xz-decompress') & { readonly default?: typeof import('xz-decompress') } = await import('xz-decompress');
    const { XzReadableStream } = loaded.default ?? loaded;
    const stream = new XzReadableStream(new Blob([new Uint8Array(packed)]).stream());
    const reader = stream.getReader();
    const parts: Uint8Array[] = [];
    let size = 0;
    let empty = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return new Uint8Array(Buffer.concat(parts));
      // What is given may be a view of memory that the decoder uses again.
      parts.push(value.slice());
      size += value.length;
      // Of a stream that was cut off the decoder gives nothing, for ever.
      empty = value.length === 0 ? empty + 1 : 0;
      if (size > MAX_SIZE || empty > MAX_EMPTY) {
        await reader.cancel();
        return undefined;
      }
    }
  } catch {
    return undefined;
  }
}
