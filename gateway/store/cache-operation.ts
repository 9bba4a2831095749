import type { Stamp } from './cache-store.ts'

/** A write as it travels to another site. */
export type CacheOperation = SetOperation | DeleteOperation

interface SetOperation {
  readonly kind: 'set'
  readonly namespace: string
  readonly key: string
  readonly stamp: Stamp
  readonly value: Buffer
  readonly flags: number
  readonly contentType?: string
  /** Unix ms; 0: none. Absolute, so that the way never adds to a life. */
  readonly expiresAtMs: number
}

export interface DeleteOperation {
  readonly kind: 'delete'
  readonly namespace: string
  readonly key: string
  readonly stamp: Stamp
}

/** A set that can no longer be a value (expired, too old, no room for it) still says that whatever was there before is not true. */
export const asDelete = ({ namespace, key, stamp }: CacheOperation): DeleteOperation => ({
  kind: 'delete',
  namespace,
  key,
  stamp,
})
