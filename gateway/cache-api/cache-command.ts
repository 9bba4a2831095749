import type { Stamp } from '../store/cache-store.ts'
import type { CacheVerb } from './namespace-access.ts'

/** What a client of the cache API wants of one key, however it said so: by a request of its own or by a line of a batch. */
export type CacheCommand = CacheRead | CacheChange

export interface CacheRead {
  readonly op: 'get'
  readonly key: string
}

export type CacheChange = PutCommand | DeleteCommand | IncrCommand | TouchCommand | AppendCommand | LeaseCommand

export type CacheOp = CacheCommand['op']

export interface PutCommand {
  readonly op: 'put'
  readonly key: string
  readonly value: Buffer
  /** -1: none. */
  readonly ttlMs: number
  /** For how long it is of use as stale after `ttlMs`; 0: not at all. */
  readonly staleMs: number
  readonly flags: number
  readonly contentType?: string
  readonly contentEncoding?: string
  /** As the store knows them. */
  readonly tags: readonly string[]
  readonly when: Condition | { readonly kind: 'leased'; readonly token: Stamp }
}

export interface DeleteCommand {
  readonly op: 'delete'
  readonly key: string
  /** Absent: gone at once. */
  readonly softMs?: number
  readonly when: Condition
}

export interface IncrCommand {
  readonly op: 'incr'
  readonly key: string
  readonly by: bigint
  readonly initial?: bigint
  /** Of what is begun with `initial`; -1: none. */
  readonly ttlMs: number
}

export interface TouchCommand {
  readonly op: 'touch'
  readonly key: string
  readonly ttlMs: number
}

export interface AppendCommand {
  readonly op: 'append'
  readonly key: string
  readonly value: Buffer
  readonly at: 'begin' | 'end'
}

export interface LeaseCommand {
  readonly op: 'lease'
  readonly key: string
  readonly ttlMs: number
}

/** What must hold of the stored value. `never`: an entity tag that cannot be one of ours. */
export type Condition =
  | { readonly kind: 'always' }
  | { readonly kind: 'absent' }
  | { readonly kind: 'present' }
  | { readonly kind: 'same'; readonly unique: Stamp }
  | { readonly kind: 'never' }

/** What a client must be allowed to do for it. A lease is the right to write. */
export const verbOf: Readonly<Record<CacheOp, CacheVerb>> = {
  get: 'read',
  put: 'write',
  delete: 'delete',
  incr: 'write',
  touch: 'write',
  append: 'write',
  lease: 'write',
}
