import type { CarelessStrategy } from './careless-writer.ts'
import type { Raised } from './known-writes.ts'
import type { Measure } from './measures.ts'
import type { Violation, WorkloadCounts } from './workload.ts'

/** What the process of one side is started with. */
export interface SideOptions {
  readonly site: string
  /** The site that gets a copy of each write. */
  readonly other: string
  /** Of this side's internal listener. */
  readonly port: number
  /** Of the other side's, by way of the link. */
  readonly otherOrigin: string
  readonly home: string
  readonly zones: readonly { readonly name: string; readonly address: string }[]
  readonly writer: number
  /** Shared by both sides: signs what they say to each other. */
  readonly secret: string
  readonly strategy: 'journal' | CarelessStrategy
  readonly keys: number
  readonly seed: number
  readonly clockOffsetMs: number
}

export type DiskState = 'well' | 'full' | 'broken' | 'torn'

/** What it is told to do; each is answered by its number. */
export type Asked =
  /** What is known to be acknowledged here (`own`), and there and applied here (`told`). */
  | { readonly do: 'know'; readonly own: Raised; readonly told: Raised }
  | { readonly do: 'run'; readonly writesPerSecond: number; readonly readsPerSecond: number }
  | { readonly do: 'stop' }
  | { readonly do: 'clock'; readonly offsetMs: number; readonly apartMs: number }
  | { readonly do: 'disk'; readonly state: DiskState }
  /** How much is still to be done until all is at rest. */
  | { readonly do: 'state' }
  /** Reads all keys as a client does. */
  | { readonly do: 'readAll' }
  | { readonly do: 'measure'; readonly measure: Measure }
  /** So many deletes that the zones have and the other site has not, in the journal alone. */
  | { readonly do: 'pend'; readonly count: number }
  /** The next records from the other side are told as the first. */
  | { readonly do: 'listen' }

export interface SideState {
  /** Nothing waits for the other site. */
  readonly shipped: boolean
  readonly debt: string
  readonly owed: number
  readonly zones: readonly string[]
  /** A stamp by zone, below which nothing is served from it. */
  readonly floors: Readonly<Record<string, bigint>>
}

/** What it tells of itself. */
export type Told =
  | { readonly tell: 'ready'; readonly afterMs: number }
  | { readonly tell: 'answer'; readonly number: number; readonly value: unknown }
  /** Acknowledged since the last one. */
  | { readonly tell: 'acknowledged'; readonly raised: Raised; readonly counts: WorkloadCounts }
  /** Acknowledged here, and the other site has all of it. */
  | { readonly tell: 'settled'; readonly raised: Raised }
  | { readonly tell: 'lives'; readonly lives: readonly (readonly [index: number, untilMs: number])[] }
  | { readonly tell: 'found'; readonly violation: Violation }
  /** The first records from the other side since this process began to listen. */
  | { readonly tell: 'received'; readonly atMs: number }
