import { readSigned32, readUnsigned32, readUnsigned64 } from './number-text.ts'
import { decodeKey } from './port-key.ts'

/** The flags of one meta command. Which ones it heeds is its own affair: memcached lets each have all of them. */
export interface MetaFlags {
  /** As sent, in order: the answer gives back what was asked for in that order. */
  readonly words: readonly string[]
  /** One character a byte; decoded where `b` says so. */
  readonly key: string
  readonly binaryKey: boolean
  /** `q` */
  readonly quiet: boolean
  /** `v` */
  readonly value: boolean
  /** `h` or `l`: what a zone knows of earlier reads. */
  readonly access: boolean
  /** `T`: seconds as memcached reads them. */
  readonly ttl: number | undefined
  /** `N`: the same, of what is made where nothing is. */
  readonly vivify: number | undefined
  /** `R` */
  readonly recache: number | undefined
  /** `F` */
  readonly clientFlags: number
  /** `C` */
  readonly unique: bigint | undefined
  /** `M`: its letter; empty: none. */
  readonly mode: string
  /** `J` */
  readonly initial: bigint
  /** `D` */
  readonly delta: bigint
  /** `I` */
  readonly invalidate: boolean
  /** `x`: the value goes, the item stays. */
  readonly drop: boolean
  /** `O` is longer than memcached gives back, of which it tells behind all other faults. */
  readonly isOpaqueLong: boolean
}

/** Flags that one command may have, with its name, its key and the end counted as memcached does. */
const tokenLimit = 20
export const tooManyFlags = 'CLIENT_ERROR options flags are too long'
const opaqueLimit = 32

/** `first`: where the flags begin in `words`; `words[1]` is the key. A text is what the client is told instead. */
export function readMetaFlags(words: readonly string[], first: number): MetaFlags | string {
  if (words.length >= tokenLimit) return tooManyFlags
  const flags = words.slice(first)
  let key = words[1] ?? ''
  let binaryKey = false
  let quiet = false
  let value = false
  let access = false
  let ttl: number | undefined
  let vivify: number | undefined
  let recache: number | undefined
  let clientFlags = 0
  let unique: bigint | undefined
  let mode = ''
  let initial = 0n
  let delta = 1n
  let invalidate = false
  let drop = false
  let fault = ''
  let isOpaqueLong = false
  // Anything but a letter is refused anyway.
  let seenUpper = 0
  let seenLower = 0
  for (const word of flags) {
    const letter = word.charCodeAt(0)
    const bit = 1 << (letter & 31)
    const isLower = letter >= 96
    if (letter >= 127 || ((isLower ? seenLower : seenUpper) & bit) !== 0) return 'CLIENT_ERROR duplicate flag'
    if (isLower) seenLower |= bit
    else if (letter >= 64) seenUpper |= bit
    switch (word[0]) {
      case 'b': {
        const decoded = decodeKey(key)
        binaryKey = true
        if (decoded === undefined) fault = 'CLIENT_ERROR error decoding key'
        else key = decoded
        break
      }
      case 'v':
        value = true
        break
      case 'q':
        quiet = true
        break
      case 'h':
      case 'l':
        access = true
        break
      case 'T':
      case 'N':
      case 'R': {
        const seconds = readSigned32(word.slice(1))
        if (seconds === undefined) fault = badToken
        else if (word[0] === 'T') ttl = seconds
        else if (word[0] === 'N') vivify = seconds
        else recache = seconds
        break
      }
      case 'F': {
        const read = readUnsigned32(word.slice(1))
        // The one fault that memcached has no words of its own for.
        if (read === undefined) fault ||= 'CLIENT_ERROR bad command line format'
        else clientFlags = read
        break
      }
      case 'C':
        unique = readUnsigned64(word.slice(1))
        if (unique === undefined) fault = badToken
        break
      case 'M':
        if (word.length === 2) mode = word.charAt(1)
        else fault = 'CLIENT_ERROR incorrect length for M token'
        break
      case 'J': {
        const read = readUnsigned64(word.slice(1))
        if (read === undefined) fault = 'CLIENT_ERROR invalid numeric initial value'
        else initial = read
        break
      }
      case 'D': {
        const read = readUnsigned64(word.slice(1))
        if (read === undefined) fault = 'CLIENT_ERROR invalid numeric delta value'
        else delta = read
        break
      }
      case 'O':
        isOpaqueLong = word.length > opaqueLimit
        break
      case 'I':
        invalidate = true
        break
      case 'x':
        if (words[0] !== 'md') return 'CLIENT_ERROR invalid flag'
        drop = true
        break
      case 'P':
      case 'L':
      case 'k':
      case 's':
      case 't':
      case 'c':
      case 'f':
      case 'u':
        break
      default:
        return 'CLIENT_ERROR invalid flag'
    }
  }
  if (fault !== '') return fault
  return {
    words: flags,
    key,
    binaryKey,
    quiet,
    value,
    access,
    ttl,
    vivify,
    recache,
    clientFlags,
    unique,
    mode,
    initial,
    delta,
    invalidate,
    drop,
    isOpaqueLong,
  }
}

const badToken = 'CLIENT_ERROR bad token in command line format'
