import type { IncomingMessage } from 'node:http'

/** Chunk extensions of one body. */
const extensionBytes = 16 * 1024
/** A chunk's size and line ends, without an extension. */
const plainBytes = 24
/** The parser is given so much at once; what it holds of that, the next request perhaps, has not been told apart yet. */
const packetBytes = 64 * 1024

/**
 * What a chunked body sends beside its content. The parser bounds the extensions of one chunk at 16 KB and shows none; over a
 * whole body they are what the socket has read and nobody was given. So a body with 16 KB of them passes, and one with 16 KB
 * and a packet more does not, however many chunks it has. RFC 9112 section 7.1.1.
 */
export class ChunkMarks {
  readonly #message: IncomingMessage
  readonly #from: number
  #given = 0
  #chunks = 0

  constructor(message: IncomingMessage) {
    this.#message = message
    this.#from = message.socket.bytesRead - message.readableLength
  }

  /** With each piece of content, of which a chunk has at least one: whether too much came beside. */
  tooManyAt(pieceBytes: number): boolean {
    this.#given += pieceBytes
    this.#chunks++
    const { socket, readableLength } = this.#message
    const beside = socket.bytesRead - this.#from - this.#given - readableLength
    return beside > extensionBytes + packetBytes + plainBytes * this.#chunks
  }
}
