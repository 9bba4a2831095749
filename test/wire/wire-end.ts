import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { within } from '../support/eventually.ts'
import { StreamBytes } from './stream-bytes.ts'

/** How the other side went: with a FIN, or with an RST. */
export type Leaving = 'ended' | 'reset'

const deadlineMs = 10_000

/**
 * One end of a connection in a scripted conversation. Text is one character a byte. Nothing is read before it is asked
 * for, so an end that does not ask is a slow reader, and the other side feels it.
 */
export class WireEnd implements Disposable {
  readonly #socket: Socket
  #unread: Buffer = Buffer.alloc(0)
  #left: Leaving | undefined

  constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.pause()
    // How it ended is told by `leaves`.
    socket.on('error', () => {
      this.#left ??= 'reset'
    })
    socket.once('end', () => {
      this.#left ??= 'ended'
    })
  }

  static async open(port: number): Promise<WireEnd> {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    const end = new WireEnd(socket)
    await once(socket, 'connect')
    return end
  }

  /** Resolves when the bytes have left this process, or never can. */
  async send(bytes: string | Uint8Array): Promise<void> {
    if (this.#socket.destroyed || this.#socket.writableEnded) return
    const taken = this.#socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
    if (!taken) await nextOf(this.#socket, ['drain', 'close'])
  }

  /** What comes next, up to the end of the first match; fails with what came when the other side leaves before it. */
  async until(pattern: string | RegExp): Promise<string> {
    const search = typeof pattern === 'string' ? pattern : new RegExp(pattern)
    const found = async (): Promise<string> => {
      for (;;) {
        const text = this.#unread.toString('latin1')
        const end = typeof search === 'string' ? endOf(text, search) : endOfMatch(text, search)
        if (end !== undefined) return this.#take(end).toString('latin1')
        if (!(await this.#more())) throw new Error(`the other side ${this.#left} after ${JSON.stringify(text)}`)
      }
    }
    return within(deadlineMs, String(pattern), found())
  }

  /** A whole head, up to its empty line and with it. */
  head(): Promise<string> {
    return this.until('\r\n\r\n')
  }

  /** So many characters. */
  async bytes(count: number): Promise<string> {
    const taken = async (): Promise<string> => {
      while (this.#unread.length < count)
        if (!(await this.#more())) throw new Error(`the other side ${this.#left} before ${count} bytes`)
      return this.#take(count).toString('latin1')
    }
    return within(deadlineMs, `${count} bytes`, taken())
  }

  /** SHA-256 of the next `count` bytes, which are not kept. */
  async digest(count: number): Promise<string> {
    const hash = createHash('sha256')
    for (let rest = count; rest > 0; ) {
      if (this.#unread.length === 0 && !(await this.#more()))
        throw new Error(`${this.#left} with ${rest} bytes to come`)
      const piece = this.#take(Math.min(rest, this.#unread.length))
      hash.update(piece)
      rest -= piece.length
    }
    return hash.digest('hex')
  }

  /** Sends `count` seeded bytes as fast as the other side takes them. Resolves with their SHA-256. */
  async pour(count: number): Promise<string> {
    const hash = createHash('sha256')
    for (const piece of new StreamBytes(count)) {
      hash.update(piece)
      await this.send(piece)
      if (this.#socket.destroyed) break
    }
    return hash.digest('hex')
  }

  /** Bytes that the other side's machine has taken over so far. */
  get sent(): number {
    return this.#socket.bytesWritten - this.#socket.writableLength
  }

  /** All that still comes, and how the other side left. */
  async rest(): Promise<{ readonly text: string; readonly left: Leaving }> {
    const all = async () => {
      while (await this.#more());
      return { text: this.#take(this.#unread.length).toString('latin1'), left: this.#left ?? 'ended' }
    }
    return within(deadlineMs, 'the other side leaving', all())
  }

  async leaves(): Promise<Leaving> {
    return (await this.rest()).left
  }

  /** FIN: says no more, and still listens. */
  end(): void {
    this.#socket.end()
  }

  /** RST: what is under way is lost. */
  reset(): void {
    this.#socket.resetAndDestroy()
  }

  [Symbol.dispose](): void {
    this.#socket.destroy()
  }

  #take(count: number): Buffer {
    const taken = this.#unread.subarray(0, count)
    this.#unread = this.#unread.subarray(count)
    return taken
  }

  /** Reads on; false when nothing more can come. */
  async #more(): Promise<boolean> {
    for (;;) {
      const chunk: Buffer | null = this.#socket.read()
      if (chunk !== null) {
        this.#unread = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk])
        return true
      }
      if (this.#left !== undefined || this.#socket.destroyed) {
        this.#left ??= 'reset'
        return false
      }
      await nextOf(this.#socket, ['readable', 'end', 'error', 'close'])
    }
  }
}

function endOf(text: string, part: string): number | undefined {
  const at = text.indexOf(part)
  return at < 0 ? undefined : at + part.length
}

function endOfMatch(text: string, pattern: RegExp): number | undefined {
  const match = pattern.exec(text)
  return match === null ? undefined : match.index + match[0].length
}

function nextOf(socket: Socket, events: readonly string[]): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      for (const event of events) socket.off(event, done)
      resolve()
    }
    for (const event of events) socket.on(event, done)
  })
}
