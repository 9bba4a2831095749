import { createHash } from 'node:crypto'
import { keyLimitBytes } from './cache-store.ts'
import { wireKey } from './wire-key.ts'

/** Longest key that a memcached node takes, bytes. */
const nodeKeyLimitBytes = 250

const namespaceForm = /^[a-z0-9-]{1,32}$/
// What a node would read as the end of the key or of the line; DEL is a control byte too.
const oddBytes = /[\p{Cc} ]/u
const plainAscii = /^[!-~]*$/
const plainWire = /^[!-~\x80-\xff]+$/

export interface NodeKey {
  /** One character a byte (latin1), ready for the wire. */
  readonly text: string
  /** The text is a hash: the original key goes into the envelope and is compared on read. */
  readonly hashed: boolean
}

export const isNamespace = (namespace: string): boolean => namespaceForm.test(namespace)

/**
 * The key under which a node keeps `<namespace>/<key>`. Undefined for what cannot be kept: a namespace outside
 * `[a-z0-9-]{1,32}`, a key outside 1..1,024 bytes, or a lone surrogate (it has no bytes of its own, so two such keys would be one).
 */
export function nodeKey(namespace: string, key: string): NodeKey | undefined {
  if (!namespaceForm.test(namespace) || key === '') return undefined
  const room = nodeKeyLimitBytes - namespace.length - 1
  if (key.length <= room && !key.startsWith('~') && plainAscii.test(key)) {
    return { text: `${namespace}/${key}`, hashed: false }
  }
  if (!key.isWellFormed()) return undefined
  const bytes = Buffer.from(key)
  if (bytes.length > keyLimitBytes) return undefined
  // `~` is the mark of a hash: a key that begins with it could otherwise pose as one.
  if (bytes.length > room || key.startsWith('~') || oddBytes.test(key)) {
    return { text: `${namespace}/~${createHash('sha256').update(bytes).digest('base64url')}`, hashed: true }
  }
  return { text: `${namespace}/${bytes.toString('latin1')}`, hashed: false }
}

/** The key as other programs know it, one character a byte; undefined: no node takes it. */
export function rawKey(key: string): string | undefined {
  // The mark of bytes that are no UTF-8 is two characters.
  if (key.length > nodeKeyLimitBytes + 2 || !key.isWellFormed()) return undefined
  const wire = wireKey(key).toString('latin1')
  return wire.length <= nodeKeyLimitBytes && plainWire.test(wire) ? wire : undefined
}
