/**
 * Memcached's meta protocol as pure text and bytes: what is written for `mg ms md mn`, and an incremental parser of the
 * answers that gives the same answers whatever the slicing of its input.
 */

/** Answers that name their request by opaque (`HD VA EN NF NS EX`), and those that do not. */
type AnswerCode =
  | 'HD'
  | 'VA'
  | 'EN'
  | 'NF'
  | 'NS'
  | 'EX'
  | 'MN'
  | 'STAT'
  | 'END'
  | 'STORED'
  | 'SERVER_ERROR'
  | 'CLIENT_ERROR'
  | 'ERROR'

/** One shape for all answers: the parser makes hundreds of thousands of them a second. */
export interface Answer {
  readonly code: AnswerCode
  /** `O`; -1: none. */
  readonly opaque: number
  /** `t`: seconds left; -1: no expiry, or not asked. */
  readonly ttlSeconds: number
  /** `c`: the node's own compare-and-swap token, only ever handed back. */
  readonly cas: string
  /** `f`: the node's flags field. */
  readonly flags: number
  /** `h`: it was read before; false as well when it was not asked for. */
  readonly readBefore: boolean
  /** `l`: seconds since the last read, or since it was stored; -1: not asked. */
  readonly idleSeconds: number
  /** The value of `VA`, in memory of its own. */
  readonly value: Buffer | undefined
  /** The rest of the line of `STAT` and the three errors. */
  readonly text: string
}

/** Return flags that a request may ask for: `v` value, `t` seconds left, `c` cas, `f` flags, `h` and `l` earlier reads. */
export type Wanted = 'v' | 'v t' | 'v t h l' | 'v c' | 'v t c f' | 'v t c f h l' | 'c'

export const metaGet = (key: string, wanted: Wanted, opaque: number): string => `mg ${key} ${wanted} O${opaque}\r\n`

export interface SetFlags {
  /** As memcached reads it: 0 none, above 30 days an absolute Unix time. */
  readonly ttlSeconds: number
  readonly flags: number
  /** Undefined: in any case. */
  readonly guard?: Guard | undefined
  /** The answer tells the cas of what was stored. Not every node can. */
  readonly tellCas?: boolean
}

/** Store only if the item still has this cas; `absent`: only if there is no item; `present`: only if there is one. */
export type Guard = { readonly cas: string } | 'absent' | 'present'

/** The line of a set; the value and CR LF follow it. */
export function metaSet(key: string, bytes: number, set: SetFlags, opaque: number): string {
  const tell = set.tellCas === true ? ' c' : ''
  return `ms ${key} ${bytes} T${set.ttlSeconds} F${set.flags}${guarding(set.guard)}${tell} O${opaque}\r\n`
}

function guarding(guard: Guard | undefined): string {
  if (guard === undefined) return ''
  if (guard === 'absent') return ' ME'
  return guard === 'present' ? ' MR' : ` C${guard.cas}`
}

/** Another life for whatever is there; the answer tells its cas. */
export const metaTouch = (key: string, ttlSeconds: number, opaque: number): string =>
  `mg ${key} c T${ttlSeconds} O${opaque}\r\n`

export const metaDelete = (key: string, cas: string | undefined, opaque: number): string =>
  `md ${key}${cas === undefined ? '' : ` C${cas}`} O${opaque}\r\n`

export const metaNoop = 'mn\r\n'

/** Seconds above which memcached reads a time to live as a date. */
const relativeLimitSeconds = 30 * 24 * 3600

/**
 * A time to live as memcached reads it, rounded up to a second; undefined: already over, not to be stored.
 * 31 days sent as they are would be a date in January 1970, and 0 would be for ever.
 */
export function wireTtl(ttlMs: number, nowMs: number): number | undefined {
  if (ttlMs === -1) return 0
  if (!(ttlMs > 0)) return undefined
  const seconds = Math.ceil(ttlMs / 1000)
  return seconds > relativeLimitSeconds ? Math.floor(nowMs / 1000) + seconds : seconds
}

const lineLimitBytes = 2048
const lf = 10
const cr = 13
const codes = new Map<string, AnswerCode>(
  (
    [
      'HD',
      'VA',
      'EN',
      'NF',
      'NS',
      'EX',
      'MN',
      'STAT',
      'END',
      'STORED',
      'SERVER_ERROR',
      'CLIENT_ERROR',
      'ERROR',
    ] as const
  ).map((code) => [code, code]),
)
const nothing = Buffer.alloc(0)

/** Belongs to one connection and dies with it. */
export class MetaParser {
  readonly #valueLimitBytes: number
  readonly #tell: (answer: Answer) => void
  /** The beginning of a line whose end has not come yet; below `lineLimitBytes`. */
  #held: Buffer = nothing
  /** The value that is being received, and the answer it belongs to. */
  #value: Buffer | undefined
  #filled = 0
  #head: Answer | undefined
  /** 2, then 1: bytes of the CR LF after a value that are still to come. */
  #tailLeft = 0
  #broken = false

  /** `tell` is called for each whole answer, in order, from inside `push`. A value above the limit breaks the parser. */
  constructor(valueLimitBytes: number, tell: (answer: Answer) => void) {
    this.#valueLimitBytes = valueLimitBytes
    this.#tell = tell
  }

  /** False once the input is no meta protocol: nothing after that can be believed, the connection must go. */
  push(chunk: Buffer): boolean {
    let at = 0
    while (at < chunk.length && !this.#broken) {
      if (this.#tailLeft > 0) at = this.#takeTail(chunk, at)
      else if (this.#value !== undefined) at = this.#takeValue(chunk, at, this.#value)
      else at = this.#takeLine(chunk, at)
    }
    return !this.#broken
  }

  #takeLine(chunk: Buffer, at: number): number {
    const end = chunk.indexOf(lf, at)
    const stop = end === -1 ? chunk.length : end
    if (this.#held.length + stop - at > lineLimitBytes) return this.#break(chunk)
    if (end === -1) {
      // Copied: a view would keep the whole chunk alive for a few bytes.
      this.#held = Buffer.concat([this.#held, chunk.subarray(at)])
      return chunk.length
    }
    let line: string
    if (this.#held.length === 0) line = chunk.toString('latin1', at, end)
    else {
      line = this.#held.toString('latin1') + chunk.toString('latin1', at, end)
      this.#held = nothing
    }
    if (line.charCodeAt(line.length - 1) !== cr) return this.#break(chunk)
    return this.#readLine(line.slice(0, -1)) ? end + 1 : this.#break(chunk)
  }

  #readLine(line: string): boolean {
    const space = line.indexOf(' ')
    const code = codes.get(space === -1 ? line : line.slice(0, space))
    if (code === undefined) return false
    if (code === 'STAT' || code.endsWith('ERROR')) {
      this.#tell({ ...bare, code, text: space === -1 ? '' : line.slice(space + 1) })
      return true
    }
    if (space === -1) {
      if (code === 'VA') return false
      this.#tell({ ...bare, code })
      return true
    }
    let at = space + 1
    let bytes = -1
    if (code === 'VA') {
      const end = wordEnd(line, at)
      bytes = digits(line, at, end)
      if (bytes < 0 || bytes > this.#valueLimitBytes) return false
      at = end + 1
    }
    const answer = readFlags(code, line, at)
    if (answer === undefined) return false
    if (code !== 'VA') {
      this.#tell(answer)
      return true
    }
    this.#head = answer
    // Once, from the announced length. Small ones come from Node's pool; a view would pin the 64 KiB socket buffer.
    this.#value = Buffer.allocUnsafe(bytes)
    this.#filled = 0
    if (bytes === 0) this.#tailLeft = 2
    return true
  }

  #takeValue(chunk: Buffer, at: number, value: Buffer): number {
    const taken = chunk.copy(value, this.#filled, at)
    this.#filled += taken
    if (this.#filled === value.length) this.#tailLeft = 2
    return at + taken
  }

  #takeTail(chunk: Buffer, at: number): number {
    if (chunk[at] !== (this.#tailLeft === 2 ? cr : lf)) return this.#break(chunk)
    if (--this.#tailLeft === 0) {
      const answer = { ...(this.#head as Answer), value: this.#value }
      this.#value = undefined
      this.#head = undefined
      this.#tell(answer)
    }
    return at + 1
  }

  #break(chunk: Buffer): number {
    this.#broken = true
    return chunk.length
  }
}

const bare: Answer = {
  code: 'HD',
  opaque: -1,
  ttlSeconds: -1,
  cas: '',
  flags: 0,
  readBefore: false,
  idleSeconds: -1,
  value: undefined,
  text: '',
}

/** The flags that answer what we ask for; any other is passed over, as the protocol document wants of clients. */
function readFlags(code: AnswerCode, line: string, from: number): Answer | undefined {
  let opaque = -1
  let ttlSeconds = -1
  let cas = ''
  let flags = 0
  let readBefore = false
  let idleSeconds = -1
  for (let at = from; at < line.length; ) {
    const end = wordEnd(line, at)
    switch (line.charCodeAt(at)) {
      case 79: // O
        opaque = digits(line, at + 1, end)
        if (opaque < 0) return undefined
        break
      case 116: // t
        if (end === at + 3 && line.startsWith('-1', at + 1)) break
        ttlSeconds = digits(line, at + 1, end)
        if (ttlSeconds < 0) return undefined
        break
      case 99: // c
        if (casDigits(line, at + 1, end) === false) return undefined
        cas = line.slice(at + 1, end)
        break
      case 102: // f
        flags = digits(line, at + 1, end)
        if (flags < 0) return undefined
        break
      case 104: // h
        readBefore = line.charCodeAt(at + 1) === 49
        break
      case 108: // l
        idleSeconds = digits(line, at + 1, end)
        if (idleSeconds < 0) return undefined
        break
    }
    at = end + 1
  }
  return { code, opaque, ttlSeconds, cas, flags, readBefore, idleSeconds, value: undefined, text: '' }
}

function wordEnd(line: string, from: number): number {
  const space = line.indexOf(' ', from)
  return space === -1 ? line.length : space
}

/** A whole number of at most 15 digits, which a double holds exactly; -1: it is none. */
function digits(line: string, from: number, to: number): number {
  if (from >= to || to - from > 15) return -1
  let value = 0
  for (let at = from; at < to; at++) {
    const digit = line.charCodeAt(at) - 48
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
  }
  return value
}

/** A cas is an unsigned 64-bit number and stays text: it is never reckoned with. */
function casDigits(line: string, from: number, to: number): boolean {
  if (from >= to || to - from > 20) return false
  for (let at = from; at < to; at++) {
    const digit = line.charCodeAt(at) - 48
    if (digit < 0 || digit > 9) return false
  }
  return true
}
