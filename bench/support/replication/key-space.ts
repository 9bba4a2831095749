import type { ItemTags } from '../../../gateway/store/cache-store.ts'

/** A few keys of two namespaces that both sites write all the time. What a key is for is decided by its number alone. */

export const namespaces = ['legacy', 'shop'] as const
export const tagsPerNamespace = 8

export interface Place {
  readonly namespace: string
  readonly key: string
}

/** `counter`: incr and decr alone, and deletes. `touched`: its life is prolonged now and then. */
export type KeyUse = 'plain' | 'counter' | 'touched'

export const keyUse = (index: number): KeyUse => (index % 10 === 0 ? 'counter' : index % 10 === 1 ? 'touched' : 'plain')

export const namespaceAt = (index: number): number => index % namespaces.length

export function placeOf(index: number): Place {
  return { namespace: namespaces[namespaceAt(index)] ?? '', key: `${keyUse(index)}-${index}` }
}

/** Undefined: it has none. */
export const tagAt = (index: number): number | undefined =>
  index % 3 === 0 && keyUse(index) === 'plain' ? Math.floor(index / 3) % tagsPerNamespace : undefined

export const tagName = (tag: number): string => `group:${tag}`

export function tagsOf(index: number): ItemTags | undefined {
  const tag = tagAt(index)
  return tag === undefined ? undefined : { exact: [tagName(tag)], scopes: [] }
}
