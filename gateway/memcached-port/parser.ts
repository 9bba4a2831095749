import { binaryHeadBytes, binaryMagic, refuseBinary } from './binary-refusal.ts'
import type { Announced, Command, LastCommand } from './command.ts'
import type { CommandName } from './command-names.ts'
import { readMetaCommand } from './meta-command.ts'
import type { Room } from './room.ts'
import { keysLimit, readTextCommand, said } from './text-command.ts'

export interface ParserOptions {
  /** Above it a value is swallowed and refused; asked at the line that announces one. */
  readonly valueLimitBytes: () => number
  /** Whether a retrieval may be longer than other lines; asked while one is. */
  readonly takesLongLines: () => boolean
  /** For what has begun and not ended. */
  readonly room: Room
}

/** Of a command, without its value and its line end. */
const lineLimitBytes = 2_048
/** Of a retrieval. */
const retrievalLimitBytes = 1024 * 1024
const longestRetrievalWord = 'gats '.length
/** What a piece costs beside its bytes, roughly: who sends byte by byte must not hold more than is counted. */
const pieceOverheadBytes = 256
const retrievals = ['get ', 'gets ', 'gat ', 'gats ']
const lf = 10
const cr = 13
/** Enough to see that there are too many keys. */
const wordsLimit = keysLimit + 3
const nothing = Buffer.alloc(0)

/**
 * Reads commands from the bytes of one connection, the same ones whatever their slicing. Never throws. After a `last` command
 * it reads nothing more. A value that came in one piece is a view of it; one that came in several is copied once.
 */
export class CommandParser {
  readonly #options: ParserOptions
  /** What has come and was not read yet; `#at` is the first unread byte. */
  #chunk: Buffer = nothing
  #at = 0
  /** Whole chunks behind it. */
  readonly #waiting: Buffer[] = []
  /** The beginning of a line or a value whose end has not come. */
  #held: Buffer[] = []
  #heldBytes = 0
  #taken = 0
  /** The line that is held is a retrieval, and may be long. */
  #isRetrieval = false
  #announced: Announced | undefined
  /** Bytes of a value that nobody wants, and what is told behind them. */
  #swallow = 0
  #afterwards: Command | undefined
  #begun = false
  #ended = false

  constructor(options: ParserOptions) {
    this.#options = options
  }

  push(chunk: Buffer): void {
    if (this.#ended) return
    if (this.#at === this.#chunk.length) {
      this.#chunk = chunk
      this.#at = 0
    } else this.#waiting.push(chunk)
  }

  /** The next whole command; undefined: more bytes are needed. */
  next(): Command | undefined {
    while (!this.#ended) {
      if (this.#at === this.#chunk.length && !this.#turnTo(this.#waiting.shift())) return undefined
      const command = this.#step()
      if (command !== undefined) return command
    }
    return undefined
  }

  /** Gives back what it holds. */
  close(): void {
    this.#ended = true
    this.#forget()
    this.#waiting.length = 0
    this.#chunk = nothing
    this.#at = 0
  }

  #turnTo(chunk: Buffer | undefined): boolean {
    if (chunk === undefined) return false
    this.#chunk = chunk
    this.#at = 0
    return true
  }

  /** At least one byte is there, and at least one is read. */
  #step(): Command | undefined {
    if (this.#swallow > 0) return this.#takeSwallowed()
    if (this.#announced !== undefined) return this.#takeValue(this.#announced)
    if (!this.#begun) return this.#begin()
    return this.#takeLine()
  }

  #begin(): Command | undefined {
    const first = this.#heldBytes > 0 ? this.#held[0]?.[0] : this.#chunk[this.#at]
    if (first !== binaryMagic) {
      this.#begun = true
      return undefined
    }
    const head = this.#collect(binaryHeadBytes)
    if (head === undefined) return undefined
    return this.#end('unknown', head === 'no room' ? '' : refuseBinary(head))
  }

  #takeLine(): Command | undefined {
    const end = this.#chunk.indexOf(lf, this.#at)
    const stop = end === -1 ? this.#chunk.length : end
    const bytes = this.#heldBytes + stop - this.#at
    if (bytes > lineLimitBytes && !this.#mayBeLong(bytes)) return this.#end('unknown', 'CLIENT_ERROR line too long')
    if (end === -1) {
      return this.#hold(this.#chunk.subarray(this.#at))
        ? undefined
        : this.#end('unknown', 'SERVER_ERROR out of memory reading request')
    }
    let line = this.#chunk.toString('latin1', this.#at, end)
    this.#at = end + 1
    if (this.#heldBytes > 0) {
      line = Buffer.concat(this.#held).toString('latin1') + line
      this.#forget()
    }
    return this.#readLine(line)
  }

  /** Only a retrieval may be longer than other lines, since its keys are as many as its client likes. */
  #mayBeLong(bytes: number): boolean {
    if (bytes > retrievalLimitBytes || !this.#options.takesLongLines()) return false
    if (this.#isRetrieval) return true
    const rest = this.#chunk.toString('latin1', this.#at, Math.min(this.#chunk.length, this.#at + longestRetrievalWord))
    const start =
      this.#heldBytes === 0 ? rest : Buffer.concat(this.#held).toString('latin1', 0, longestRetrievalWord) + rest
    this.#isRetrieval = retrievals.some((word) => start.startsWith(word))
    return this.#isRetrieval
  }

  #readLine(text: string): Command | undefined {
    // An empty line with CR LF keeps its CR, which makes it no command either way.
    const line = text.length > 1 && text.charCodeAt(text.length - 1) === cr ? text.slice(0, -1) : text
    const words = splitWords(line)
    const name = words[0]
    if (name === undefined || name.length < 2) return said('unknown', 'ERROR')
    const isMeta = name.length === 2 && name.charCodeAt(0) === 109
    const command = isMeta ? readMetaCommand(words) : readTextCommand(words)
    if (command === undefined) {
      // Whoever speaks HTTP was sent here by mistake or by malice: what its body says must not be done.
      return words.length > 1 && words[words.length - 1]?.startsWith('HTTP/') === true
        ? this.#end('unknown', '')
        : said('unknown', 'ERROR')
    }
    if (command.kind === 'last') {
      this.close()
      return command
    }
    if (command.kind !== 'announced') return command
    const isTooLarge = command.bytes > this.#options.valueLimitBytes()
    if (command.command.kind === 'said') return this.#discard(command, command.command)
    if (isTooLarge) return this.#discard(command, tooLarge(command, 'SERVER_ERROR object too large for cache'))
    this.#announced = command
    return undefined
  }

  #takeValue(announced: Announced): Command | undefined {
    const { bytes, command, quiet } = announced
    const wanted = bytes + 2
    const whole = this.#collect(wanted)
    if (whole === 'no room') {
      const left = wanted - this.#heldBytes
      this.#forget()
      return this.#swallowThen(left, tooLarge(announced, 'SERVER_ERROR out of memory storing object'))
    }
    if (whole === undefined) return undefined
    this.#announced = undefined
    if (whole[bytes] !== cr || whole[bytes + 1] !== lf)
      return said(command.name, quiet ? '' : 'CLIENT_ERROR bad data chunk')
    if (command.kind !== 'said') command.value = whole.subarray(0, bytes)
    return command
  }

  #discard({ bytes }: Announced, afterwards: Command): undefined {
    this.#swallowThen(bytes + 2, afterwards)
  }

  #swallowThen(bytes: number, afterwards: Command): undefined {
    this.#announced = undefined
    this.#swallow = bytes
    this.#afterwards = afterwards
  }

  #takeSwallowed(): Command | undefined {
    const bytes = Math.min(this.#swallow, this.#chunk.length - this.#at)
    this.#at += bytes
    this.#swallow -= bytes
    if (this.#swallow > 0) return undefined
    const command = this.#afterwards
    this.#afterwards = undefined
    return command
  }

  /** So many bytes in one piece, once all of them have come. */
  #collect(bytes: number): Buffer | undefined | 'no room' {
    const from = this.#at
    const missing = bytes - this.#heldBytes
    if (this.#chunk.length - from < missing) return this.#hold(this.#chunk.subarray(from)) ? undefined : 'no room'
    this.#at = from + missing
    const last = this.#chunk.subarray(from, this.#at)
    if (this.#heldBytes === 0) return last
    this.#held.push(last)
    const whole = Buffer.concat(this.#held, bytes)
    this.#forget()
    return whole
  }

  #hold(piece: Buffer): boolean {
    const cost = piece.length + pieceOverheadBytes
    if (!this.#options.room.take(cost)) return false
    this.#taken += cost
    // A view would keep the whole chunk alive for its last few bytes.
    this.#held.push(piece.length * 2 < piece.buffer.byteLength ? Buffer.from(piece) : piece)
    this.#heldBytes += piece.length
    this.#at = this.#chunk.length
    return true
  }

  #forget(): void {
    if (this.#taken > 0) this.#options.room.give(this.#taken)
    this.#taken = 0
    this.#isRetrieval = false
    this.#held = []
    this.#heldBytes = 0
  }

  #end(name: CommandName, answer: string | Buffer): LastCommand {
    this.close()
    return { kind: 'last', name, answer }
  }
}

/** What does not fit is told after it was swallowed; a text command that wants no answer gets none to this either. */
function tooLarge({ command, removes, quiet }: Announced, answer: string): Command {
  const key = command.kind === 'said' ? '' : command.key
  return { kind: 'too-large', name: command.name, key, removes, answer: quiet ? '' : answer }
}

/** By spaces, of which several are one; what stands behind a zero byte was never there, as in C. */
export function splitWords(line: string): string[] {
  const zero = line.indexOf('\0')
  const text = zero === -1 ? line : line.slice(0, zero)
  const words: string[] = []
  let from = 0
  while (words.length < wordsLimit) {
    const space = text.indexOf(' ', from)
    const end = space === -1 ? text.length : space
    if (end > from) words.push(text.slice(from, end))
    if (space === -1) return words
    from = end + 1
  }
  return words
}
