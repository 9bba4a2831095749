import type { Hit, ItemTags, MissReason, Stamp } from '../store/cache-store.ts'
import type { CacheKey } from './key.ts'
import type { Entry } from './policy/entry.ts'
import type { IndexRow, LinesOf, VariantIndex } from './variant-index.ts'

/** What a request asks of the stored answers. */
export interface Lookup {
  readonly key: CacheKey
  /** As known from the request (`tagsOf`). */
  readonly tags: ItemTags
  /** The host as tags name it (`resourceHost`). */
  readonly host: string
  readonly linesOf: LinesOf
  /** Of the placement that decided the request: a failure kept under another one is a miss (E2). */
  readonly epoch: number
  /** Whether this process's own memory may answer: not where the request wants the newest, nor where the route says `memory: off`. */
  readonly memory: boolean
  /** What this site lacks may be asked of another one's cache. */
  readonly pull?: boolean
  /** What is kept for it stays at this site: its clients are another one's, which must not answer all of its own with it. */
  readonly guest?: boolean
}

export type Found = FoundEntry | FoundNone

export interface FoundEntry {
  readonly kind: 'entry'
  readonly entry: Entry
  /** Shared with others: never to be written into. */
  readonly body: Buffer
  readonly stamp: Stamp
  readonly soft?: NonNullable<Hit['soft']>
  readonly zone: string
  /** The site that fetched it, and the epoch under which it did. */
  readonly site: string
  readonly epoch: number
  /** Which variant it is; undefined: it is stored under the key itself. */
  readonly variant: string | undefined
  /** For which requests the variant holds, by digest. */
  readonly selects: readonly string[]
  readonly primary: Primary
}

export interface FoundNone {
  readonly kind: 'none'
  readonly because: 'uri-miss' | 'vary-miss' | 'failed'
  readonly detail?: MissReason
  /** What other requests for the key got and can be asked about, the newest first: unread (`variant`). Only with `vary-miss` (V7). */
  readonly variants: readonly IndexRow[]
  /** Names by which the answers of the key are told apart, where that is known. */
  readonly vary?: readonly string[]
  readonly primary: Primary
}

/** What is stored under the key itself, for the write that comes of it. */
export type Primary = { readonly kind: 'nothing' } | { readonly kind: 'entry'; readonly stamp: Stamp } | KnownIndex

export interface KnownIndex {
  readonly kind: 'index'
  readonly stamp: Stamp
  readonly ttlMs: number
  readonly index: VariantIndex
}

/** What is to be stored: a whole answer, and the stamp that was taken when its fetch began (S4). */
export interface Fetched {
  readonly entry: Entry
  readonly body: Buffer
  readonly stamp: Stamp
}

/**
 * What became of it. `older`: something newer is there and stays. `exists`: it is a part, and an answer is there (G3).
 * `of-a-guest`: another site would pull it, and answer its own clients with it. All but `stored` mean that nothing was.
 */
export const keptOutcomes = [
  'stored',
  'older',
  'exists',
  'too-large',
  'too-many-tags',
  'no-lifetime',
  'of-a-guest',
  'failed',
] as const
export type Kept = (typeof keptOutcomes)[number]
