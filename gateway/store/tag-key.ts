import { hash } from 'node:crypto'
import type { ItemTags } from './cache-store.ts'

/** Whose record it is: of an exact tag or of a scope. */
export type TagKind = 'tag' | 'scope'

export const exactTagLimit = 64
export const scopeLimit = 16
const nameLimitBytes = 250
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const controlByte = /[\u0000-\u001f\u007f]/

/** 22 characters of base64url: 132 bits. Two tags that shared them would only be invalidated together. */
const hashLength = 22

/**
 * Node keys of the records. No other key is like them: an item whose key begins with `~` lies under a hash of 43 characters
 * without a slash.
 */
export const namespaceRecordKey = (namespace: string): string => `${namespace}/~g`

export const isNamespaceRecordKey = (key: string): boolean => key.endsWith('/~g')

export const tagRecordKey = (namespace: string, kind: TagKind, name: string): string =>
  `${namespace}/${kind === 'tag' ? '~t/' : '~s/'}${hash('sha256', name, 'base64url').slice(0, hashLength)}`

/** 1..250 bytes of well-formed text without control bytes: what can be a tag or a scope. */
export const isTagName = (name: string): boolean =>
  name !== '' &&
  name.length <= nameLimitBytes &&
  !controlByte.test(name) &&
  Buffer.byteLength(name) <= nameLimitBytes &&
  name.isWellFormed()

/** An item with a tag left out could not be purged by it: all of them can be kept, or the item is not stored. */
export const areTags = ({ exact, scopes }: ItemTags): boolean =>
  exact.length <= exactTagLimit && scopes.length <= scopeLimit && exact.every(isTagName) && scopes.every(isTagName)
