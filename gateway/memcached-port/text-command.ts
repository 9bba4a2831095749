import type { Announced, Command, SaidCommand, StoreCommand } from './command.ts'
import { type CommandName, refusedCommands } from './command-names.ts'
import { readSigned32, readUnsigned32, readUnsigned64 } from './number-text.ts'

export const keyLimitBytes = 250
/** Keys of one retrieval. */
export const keysLimit = 10_000
/** What memcached takes for a length at all: it adds the line's end and must stay inside 31 bits. */
export const announcedLimitBytes = 0x7fffffff - 2

export const versionText = '1.6.18-tidegate'
export const badFormat = 'CLIENT_ERROR bad command line format'
const badExpiry = 'CLIENT_ERROR invalid exptime argument'
const nothing = Buffer.alloc(0)

/** Reads a line of the text protocol, split into its words. Undefined: none of its commands. */
export function readTextCommand(words: readonly string[]): Command | Announced | undefined {
  const name = words[0] ?? ''
  const count = words.length
  switch (name) {
    case 'get':
    case 'gets':
      return count < 2 ? wrong(name) : readGet(name, words, 1, undefined)
    case 'gat':
    case 'gats': {
      if (count < 2) return wrong(name)
      const seconds = readSigned32(words[1] ?? '')
      return seconds === undefined ? said(name, badExpiry) : readGet(name, words, 2, seconds)
    }
    case 'set':
    case 'add':
    case 'replace':
    case 'append':
    case 'prepend':
      return count === 5 || count === 6 ? readStore(name, words) : wrong(name)
    case 'cas':
      return count === 6 || count === 7 ? readStore(name, words) : wrong(name)
    case 'touch':
      return count === 3 || count === 4 ? readTouch(words) : wrong(name)
    case 'incr':
    case 'decr':
      return count === 3 || count === 4 ? readCount(name, words) : wrong(name)
    case 'delete':
      return count >= 2 && count <= 4 ? readDelete(words) : wrong(name)
    case 'flush_all':
      return count <= 3 ? readFlush(words) : wrong(name)
    case 'stats':
      return { kind: 'stats', name, group: words[1] ?? '' }
    case 'version':
      return said(name, `VERSION ${versionText}`)
    case 'verbosity':
      return count === 2 || count === 3 ? readVerbosity(words) : wrong(name)
    case 'quit':
      return { kind: 'last', name, answer: '' }
    default:
      return refusedCommands.has(name) ? said('refused', `CLIENT_ERROR ${name} not allowed`) : undefined
  }
}

/** The last word counts, whatever else it stands for. */
const isQuiet = (words: readonly string[]): boolean => words[words.length - 1] === 'noreply'

function readGet(
  name: 'get' | 'gets' | 'gat' | 'gats',
  words: readonly string[],
  first: number,
  seconds: number | undefined,
): Command {
  const keys = words.slice(first)
  if (keys.length > keysLimit) return said(name, 'CLIENT_ERROR too many keys')
  for (const key of keys) if (key.length > keyLimitBytes) return said(name, badFormat)
  return { kind: 'get', name, keys, withUnique: name.endsWith('s'), seconds }
}

function readStore(name: StoreCommand['name'], words: readonly string[]): Command | Announced {
  const quiet = isQuiet(words)
  const key = words[1] ?? ''
  const flags = readUnsigned32(words[2] ?? '')
  const seconds = readSigned32(words[3] ?? '')
  const bytes = readSigned32(words[4] ?? '')
  const unique = name === 'cas' ? readUnsigned64(words[5] ?? '') : 0n
  const isFit = bytes !== undefined && bytes >= 0 && bytes <= announcedLimitBytes
  if (key.length > keyLimitBytes || flags === undefined || seconds === undefined || unique === undefined || !isFit)
    return said(name, quiet ? '' : badFormat)
  const command: StoreCommand = { kind: 'store', name, key, flags, seconds, unique, quiet, value: nothing }
  return { kind: 'announced', bytes, command, removes: name === 'set', quiet }
}

function readTouch(words: readonly string[]): Command {
  const quiet = isQuiet(words)
  const key = words[1] ?? ''
  const seconds = readSigned32(words[2] ?? '')
  if (key.length > keyLimitBytes) return said('touch', quiet ? '' : badFormat)
  if (seconds === undefined) return said('touch', quiet ? '' : badExpiry)
  return { kind: 'touch', name: 'touch', key, seconds, quiet }
}

function readCount(name: 'incr' | 'decr', words: readonly string[]): Command {
  const quiet = isQuiet(words)
  const key = words[1] ?? ''
  const by = readUnsigned64(words[2] ?? '')
  if (key.length > keyLimitBytes) return said(name, quiet ? '' : badFormat)
  if (by === undefined) return said(name, quiet ? '' : 'CLIENT_ERROR invalid numeric delta argument')
  return { kind: 'count', name, key, by: name === 'incr' ? by : -by, quiet }
}

/** Old clients send a time to hold the key, of which only 0 is taken. */
function readDelete(words: readonly string[]): Command {
  const key = words[1] ?? ''
  const quiet = words.length > 2 && isQuiet(words)
  const isHeldFor0 = words[2] === '0'
  const isFit = words.length === 2 || (words.length === 3 ? isHeldFor0 || quiet : isHeldFor0 && quiet)
  if (!isFit) return said('delete', quiet ? '' : `${badFormat}.  Usage: delete <key> [noreply]`)
  if (key.length > keyLimitBytes) return said('delete', quiet ? '' : badFormat)
  return { kind: 'delete', name: 'delete', key, quiet }
}

function readFlush(words: readonly string[]): Command {
  const quiet = words.length > 1 && isQuiet(words)
  const hasDelay = words.length > (quiet ? 2 : 1)
  const seconds = hasDelay ? readSigned32(words[1] ?? '') : 0
  if (seconds === undefined) return said('flush_all', quiet ? '' : badExpiry)
  return { kind: 'flush', name: 'flush_all', seconds, quiet }
}

function readVerbosity(words: readonly string[]): Command {
  if (isQuiet(words)) return said('verbosity', '')
  return said('verbosity', readUnsigned32(words[1] ?? '') === undefined ? badFormat : 'OK')
}

export const said = (name: CommandName, answer: string): SaidCommand => ({ kind: 'said', name, answer })

/** Too many words or too few. */
const wrong = (name: CommandName): SaidCommand => said(name, 'ERROR')
