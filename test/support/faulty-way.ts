/** One direction of a connection through the fault proxy: bytes come late, slowly, not at all, or end in the middle. */
import type { Socket } from 'node:net'

export interface WayFault {
  /** Nothing passes. */
  readonly held: boolean
  /** Each piece waits so long, in order. */
  readonly ms: number
  readonly jitterMs: number
  readonly stalls: { readonly perMille: number; readonly ms: number } | undefined
  readonly bytesPerSecond: number
  /** After so many more bytes the connection is reset; infinite: never. */
  readonly cutAfter: number
}

interface Piece {
  readonly bytes: Buffer
  readonly dueAt: number
}

/** What is under way, at most; then the sender is held, so that no memory fills. */
const underWayLimit = 1024 * 1024
/** A slow way gives its bytes in so many steps a second, or one by one. */
const stepsPerSecond = 50

export class FaultyWay {
  readonly #from: Socket
  readonly #to: Socket
  readonly #random: () => number
  readonly #cut: () => void
  #fault: WayFault = {
    held: false,
    ms: 0,
    jitterMs: 0,
    stalls: undefined,
    bytesPerSecond: Number.POSITIVE_INFINITY,
    cutAfter: Number.POSITIVE_INFINITY,
  }
  #left = Number.POSITIVE_INFINITY
  #pieces: Piece[] = []
  #bytes = 0
  #ended = false
  /** The receiver is slower than the sender. */
  #full = false
  #timer: NodeJS.Timeout | undefined

  /** `cut`: called when the connection is to be reset. */
  constructor(from: Socket, to: Socket, random: () => number, cut: () => void) {
    this.#from = from
    this.#to = to
    this.#random = random
    this.#cut = cut
    from.on('data', (bytes) => this.#take(bytes))
    from.on('end', () => {
      this.#ended = true
      this.#go()
    })
    to.on('drain', () => {
      this.#full = false
      this.#go()
    })
    to.on('close', () => this.#stop())
  }

  /** Holds at once, for what is under way too: what no longer has to wait goes on. */
  suffer(fault: WayFault): void {
    const sooner = fault.ms < this.#fault.ms
    this.#fault = fault
    this.#left = fault.cutAfter
    if (sooner) this.#pieces = this.#pieces.map(({ bytes }) => ({ bytes, dueAt: 0 }))
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#go()
  }

  #take(bytes: Buffer): void {
    this.#pieces.push({ bytes, dueAt: this.#dueAt() })
    this.#bytes += bytes.length
    if (this.#timer === undefined) this.#go()
    else this.#pace()
  }

  #dueAt(): number {
    const { ms, jitterMs, stalls } = this.#fault
    if (ms === 0 && jitterMs === 0 && stalls === undefined) return 0
    const stalled = stalls !== undefined && this.#random() * 1000 < stalls.perMille ? stalls.ms : 0
    return performance.now() + ms + this.#random() * jitterMs + stalled
  }

  /** All that is due, in order: a piece that waits less than the one before must not overtake it. */
  #go(): void {
    while (!this.#fault.held && !this.#full && this.#timer === undefined) {
      const piece = this.#pieces[0]
      if (piece === undefined) {
        if (this.#ended && !this.#to.writableEnded) this.#to.end()
        break
      }
      const waitMs = piece.dueAt - performance.now()
      if (waitMs > 0) this.#after(waitMs)
      else if (!this.#pass(piece.bytes)) return
    }
    this.#pace()
  }

  #after(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#go()
    }, ms)
  }

  /** False when it was the last of the connection. */
  #pass(bytes: Buffer): boolean {
    const { bytesPerSecond } = this.#fault
    const step =
      bytesPerSecond === Number.POSITIVE_INFINITY ? bytes.length : Math.max(1, bytesPerSecond / stepsPerSecond)
    const most = Math.min(Math.floor(step), this.#left, bytes.length)
    const passed = most === bytes.length ? bytes : bytes.subarray(0, most)
    this.#bytes -= most
    if (most === bytes.length) this.#pieces.shift()
    else this.#pieces[0] = { bytes: bytes.subarray(most), dueAt: 0 }
    const cut = this.#left < bytes.length && most === this.#left
    this.#left -= most
    if (cut) {
      this.#stop()
      if (most === 0) this.#cut()
      // The bytes must have left before the reset, or it takes them along.
      else this.#to.write(passed, this.#cut)
      return false
    }
    if (!this.#to.destroyed && !this.#to.write(passed)) this.#full = true
    if (bytesPerSecond !== Number.POSITIVE_INFINITY) this.#after((most / bytesPerSecond) * 1000)
    return true
  }

  /** A sender that is held sees what a full window is: it may write until the buffers between are full. */
  #pace(): void {
    const hold = this.#fault.held || this.#full || this.#bytes > underWayLimit
    if (hold) this.#from.pause()
    else this.#from.resume()
  }

  #stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#pieces = []
    this.#bytes = 0
  }
}
