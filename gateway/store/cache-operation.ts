import type { ItemTags, Soft, Stamp } from './cache-store.ts'
import type { TagKind } from './tag-key.ts'

/** A write as it stands in a journal and travels to another site. */
export type CacheOperation = SetOperation | DeleteOperation | InvalidateOperation | TouchOperation

interface SetOperation {
  readonly kind: 'set'
  readonly namespace: string
  readonly key: string
  readonly stamp: Stamp
  readonly value: Buffer
  readonly flags: number
  readonly contentType?: string
  readonly contentEncoding?: string
  readonly tags?: ItemTags
  /** The value is stale from the beginning: a soft delete leaves it so. */
  readonly soft?: Soft
  /** Unix ms; 0: none. Absolute, so that the way never adds to a life. */
  readonly expiresAtMs: number
}

export interface DeleteOperation {
  readonly kind: 'delete'
  readonly namespace: string
  readonly key: string
  readonly stamp: Stamp
}

/** Of a tag, a scope, or (`all`) of the whole namespace. */
export interface InvalidateOperation {
  readonly kind: 'invalidate'
  readonly namespace: string
  readonly target: TagKind | 'all'
  /** Of the tag or scope; empty for `all`. */
  readonly key: string
  readonly stamp: Stamp
  /** Absent: hard. */
  readonly softMs?: number
}

/** Another life for the very value with this stamp. It makes no stamp of its own, so that the value stays the same one. */
export interface TouchOperation {
  readonly kind: 'touch'
  readonly namespace: string
  readonly key: string
  /** Of the item. */
  readonly stamp: Stamp
  /** Unix ms; 0: none. */
  readonly expiresAtMs: number
}

/** What takes values away. */
export type Invalidation = DeleteOperation | InvalidateOperation

/** A set that can no longer be a value (expired, too old, no room for it) still says that whatever was there before is not true. */
export const asDelete = ({
  namespace,
  key,
  stamp,
}: Pick<SetOperation, 'namespace' | 'key' | 'stamp'>): DeleteOperation => ({
  kind: 'delete',
  namespace,
  key,
  stamp,
})

/** It takes values away: nothing of it may ever be lost. */
export const isInvalidation = (operation: CacheOperation): operation is Invalidation =>
  operation.kind === 'delete' || operation.kind === 'invalidate'

/**
 * Operations with one name replace one another, the newest counts; those with different names do not touch each other. A
 * soft and a hard invalidation of one tag are both needed, and so are a value and its touch. No namespace has a colon, so no
 * name of one kind is one of another.
 */
export function operationName(operation: CacheOperation): string {
  const { namespace, key } = operation
  if (operation.kind === 'touch') return `touch:${namespace}/${key}`
  if (operation.kind !== 'invalidate') return `${namespace}/${key}`
  return `${operation.softMs === undefined ? 'hard' : 'soft'}:${operation.target}:${namespace}/${key}`
}
