/** A prime, so that no buffer's border falls on the same byte twice. */
const blockBytes = 65_521
const block = Uint8Array.from({ length: blockBytes }, (_, at) => (Math.imul(at + 1, 2_654_435_761) >>> 24) & 255)

/** So many bytes, the same each time and never compressible to nothing; each block is told from the others by its first four. */
export class StreamBytes implements Iterable<Uint8Array> {
  readonly #count: number

  constructor(count: number) {
    this.#count = count
  }

  *[Symbol.iterator](): Iterator<Uint8Array> {
    for (let at = 0; at < this.#count; at += blockBytes) {
      const piece = Buffer.from(block.subarray(0, Math.min(blockBytes, this.#count - at)))
      if (piece.length >= 4) piece.writeUInt32BE(at)
      yield piece
    }
  }
}
