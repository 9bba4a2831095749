import { type Access, type Hit, noExpiry, type Stamp } from '../store/cache-store.ts'
import type { MetaFlags } from './meta-flags.ts'
import { encodeKey } from './port-key.ts'

/** What an answer can tell of an item; what it does tell is what the client asked for. */
export interface Shown {
  unique: Stamp
  ttlMs?: number
  /** From `T` on. */
  ttlAfterMs?: number
  bytes?: number
  clientFlags?: number
  access?: Access
  stale?: boolean
  /** The right to make the value anew: won by this answer, or given to another one. */
  turn?: 'won' | 'taken'
}

export function shownOf({ value, flags, ttlMs, stamp, unique, access }: Hit): Shown {
  return {
    unique: unique ?? stamp,
    ttlMs,
    bytes: value.length,
    clientFlags: flags,
    ...(access === undefined ? {} : { access }),
  }
}

/** `HD`, `VA 5`, `EN` and the others, with what was asked for in the order in which it was; without an item only what names it. */
export function codeLine(code: string, flags: MetaFlags, shown?: Shown): string {
  let line = code
  let ttlMs = shown?.ttlMs
  for (const word of flags.words) {
    switch (word.charCodeAt(0)) {
      case 79: // O
        line += ` ${word}`
        break
      case 107: // k
        line += ` k${flags.binaryKey ? encodeKey(flags.key) : flags.key}`
        if (flags.binaryKey) line += ' b'
        break
      default:
        if (shown === undefined) break
        if (word.charCodeAt(0) === 84) ttlMs = shown.ttlAfterMs ?? ttlMs
        else line += tell(word.charCodeAt(0), shown, ttlMs)
    }
  }
  if (shown?.turn === 'taken') line += ' Z'
  if (shown?.stale === true) line += ' X'
  if (shown?.turn === 'won') line += ' W'
  return `${line}\r\n`
}

function tell(letter: number, { unique, bytes, clientFlags, access }: Shown, ttlMs: number | undefined): string {
  switch (letter) {
    case 99: // c
      return ` c${unique}`
    case 116: // t
      return ttlMs === undefined ? '' : ` t${ttlMs === noExpiry ? -1 : Math.ceil(ttlMs / 1000)}`
    case 115: // s
      return bytes === undefined ? '' : ` s${bytes}`
    case 102: // f
      return clientFlags === undefined ? '' : ` f${clientFlags}`
    case 104: // h
      return bytes === undefined ? '' : ` h${access?.readBefore === true ? 1 : 0}`
    case 108: // l
      return bytes === undefined ? '' : ` l${access?.idleS ?? 0}`
    default:
      return ''
  }
}
