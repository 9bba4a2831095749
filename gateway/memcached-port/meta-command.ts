import type { Announced, Command, MetaSetCommand } from './command.ts'
import { type MetaFlags, readMetaFlags, tooManyFlags } from './meta-flags.ts'
import { readSigned32 } from './number-text.ts'
import { decodeKey, encodeKey } from './port-key.ts'
import { announcedLimitBytes, badFormat, keyLimitBytes, said } from './text-command.ts'

const opaqueTooLong = 'CLIENT_ERROR opaque token too long'
const nothing = Buffer.alloc(0)
const setModes = new Set(['', 'S', 'E', 'A', 'P', 'R'])
const countModes = new Set(['', 'I', '+', 'D', '-'])

/** Reads a line of the meta protocol, split into its words. Undefined: none of its commands. */
export function readMetaCommand(words: readonly string[]): Command | Announced | undefined {
  switch (words[0]) {
    case 'mg':
      return words.length < 2 ? said('mg', 'ERROR') : readGet(words)
    case 'ms':
      return words.length < 2 ? said('ms', 'ERROR') : readSet(words)
    case 'md':
      return words.length < 2 ? said('md', 'ERROR') : readShort('md', words)
    case 'ma':
      return words.length < 2 ? said('ma', 'ERROR') : readShort('ma', words)
    case 'mn':
      return said('mn', 'MN')
    case 'me':
      return readDebug(words)
    default:
      return undefined
  }
}

function readGet(words: readonly string[]): Command {
  if (isLong(words)) return said('mg', badFormat)
  const flags = readMetaFlags(words, 2)
  if (typeof flags === 'string') return said('mg', flags)
  return flags.isOpaqueLong ? said('mg', opaqueTooLong) : { kind: 'mg', name: 'mg', key: flags.key, flags }
}

/** Once the length is known the value is swallowed with a fault: read as commands, it would do what nobody asked for. */
function readSet(words: readonly string[]): Command | Announced {
  if (isLong(words) || words.length === 2) return said('ms', badFormat)
  const flags = readMetaFlags(words, 3)
  if (flags === tooManyFlags) return said('ms', 'CLIENT_ERROR options flags too long')
  const bytes = readSigned32(words[2] ?? '')
  if (bytes === undefined || bytes < 0 || bytes > announcedLimitBytes) return said('ms', badFormat)
  const fault = typeof flags === 'string' ? flags : faultOf(flags)
  if (typeof flags === 'string' || fault !== undefined)
    return { kind: 'announced', bytes, command: said('ms', fault ?? ''), removes: false, quiet: false }
  const command: MetaSetCommand = { kind: 'ms', name: 'ms', key: flags.key, flags, value: nothing }
  return { kind: 'announced', bytes, command, removes: true, quiet: false }
}

function faultOf({ mode, isOpaqueLong }: MetaFlags): string | undefined {
  if (!setModes.has(mode)) return 'CLIENT_ERROR invalid mode for ms M token'
  return isOpaqueLong ? opaqueTooLong : undefined
}

/** Both tell any fault of their flags in the same words. */
function readShort(name: 'md' | 'ma', words: readonly string[]): Command {
  if (isLong(words)) return said(name, badFormat)
  const flags = readMetaFlags(words, 2)
  if (flags === tooManyFlags) return said(name, 'CLIENT_ERROR options flags too long')
  if (typeof flags === 'string') return said(name, 'CLIENT_ERROR invalid or duplicate flag')
  if (name === 'ma' && !countModes.has(flags.mode)) return said(name, 'CLIENT_ERROR invalid mode for ma M token')
  return flags.isOpaqueLong ? said(name, opaqueTooLong) : { kind: name, name, key: flags.key, flags }
}

/** Its flags are passed over, but for a `b` in the first place. */
function readDebug(words: readonly string[]): Command {
  if (words.length < 2 || isLong(words)) return said('me', badFormat)
  const given = words[1] ?? ''
  if (words[2] !== 'b') return { kind: 'me', name: 'me', key: given, shown: given }
  const key = decodeKey(given)
  return key === undefined ? said('me', badFormat) : { kind: 'me', name: 'me', key, shown: encodeKey(key) }
}

const isLong = (words: readonly string[]): boolean => (words[1]?.length ?? 0) > keyLimitBytes
