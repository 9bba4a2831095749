/**
 * Where one WebSocket frame ends and the next has not begun, in one direction of a tunnel: there, and only there, a frame of
 * ours may stand between (RFC 6455 section 5.4 allows control frames within a message in pieces). Payloads are not looked at.
 */
export class FrameBoundary {
  /** The longest head: 2 bytes, 8 of length, 4 of mask. */
  readonly #head = new Uint8Array(14)
  #have = 0
  #left = 0
  #closing = false

  get here(): boolean {
    return this.#have === 0 && this.#left === 0
  }

  /** A close frame went by: whoever sent it has said all. */
  get closing(): boolean {
    return this.#closing
  }

  /** Bytes went by. */
  passed(chunk: Buffer): void {
    this.#read(chunk, false)
  }

  /** Reads up to the first end of a frame: behind which byte that is; undefined = none ends here, and all was read. */
  within(chunk: Buffer): number | undefined {
    const at = this.#read(chunk, true)
    return this.here ? at : undefined
  }

  #read(chunk: Buffer, stop: boolean): number {
    let at = 0
    while (at < chunk.length) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, chunk.length - at)
        this.#left -= taken
        at += taken
      } else {
        this.#head[this.#have++] = chunk[at++] as number
        if (this.#have === this.#headLength()) this.#begin()
      }
      if (stop && this.here) return at
    }
    return at
  }

  /** As far as it can be told by now; no head is shorter than 2 bytes. */
  #headLength(): number {
    if (this.#have < 2) return 2
    const second = this.#head[1] as number
    const length = second & 0x7f
    return 2 + (length === 127 ? 8 : length === 126 ? 2 : 0) + (second & 0x80 ? 4 : 0)
  }

  #begin(): void {
    const view = new DataView(this.#head.buffer)
    const length = (this.#head[1] as number) & 0x7f
    this.#left =
      length === 127 ? view.getUint32(2) * 2 ** 32 + view.getUint32(6) : length === 126 ? view.getUint16(2) : length
    if (((this.#head[0] as number) & 0x0f) === closeOpcode) this.#closing = true
    this.#have = 0
  }
}

const closeOpcode = 8
const goingAway = 1001

/** A close frame that says 1001, going away. Towards a service it is masked, as all frames of clients are (section 5.1). */
export function closeFrame(mask?: Uint8Array): Buffer {
  const payload = [goingAway >> 8, goingAway & 0xff]
  if (mask === undefined) return Buffer.from([0x80 | closeOpcode, payload.length, ...payload])
  const masked = payload.map((byte, at) => byte ^ (mask[at] as number))
  return Buffer.from([0x80 | closeOpcode, 0x80 | payload.length, ...mask.subarray(0, 4), ...masked])
}
