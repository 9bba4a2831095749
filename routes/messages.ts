import type { SealedDocument } from './seal.ts'
import type { Epoch, Site, TableNumber, UnitId } from './vocabulary.ts'

/** What the programs say to each other: header names, paths and bodies. They share nothing else. */

export * as headers from './header-names.ts'

/** Cookies of ours in clients' requests; taken out before a service sees them. */
export const cookies = { force: 'tidegate-force', sticky: 'tidegate-sticky' } as const

/** Prefix of every header that only our programs may send; removed from clients' requests. */
export const ownPrefix = 'x-tidegate-'

export * as paths from './paths.ts'

/** What a receiver is offered: one document or both. It takes each only by `mayReplace`. */
export interface TableOffer {
  readonly structure?: SealedDocument
  readonly placements?: SealedDocument
}

export interface HeldNumber {
  readonly number: TableNumber
  readonly digest: string
}

/** What a gateway or edge runs: the answer to "how far have numbers gone?". */
export interface HeldNumbers {
  readonly structure: HeldNumber
  readonly placements: HeldNumber
  readonly epochs: Readonly<Record<UnitId, Epoch>>
}

/** Why an offered document was not taken. The words of `mayReplace`, also metric labels. */
export type RefusalReason =
  | 'malformed'
  | 'oversize'
  | 'key-unknown'
  | 'signature-wrong'
  | 'older'
  | 'forked'
  | 'grew-too-much'
  | 'shrank-too-much'
  | 'epoch-falls'
  | 'structure-missing'

export interface Refusal {
  readonly kind: 'structure' | 'placements'
  readonly because: RefusalReason
  readonly offered?: TableNumber
  readonly held?: TableNumber
}

/** A refusal as status endpoints tell it. */
export interface ToldRefusal extends Refusal {
  readonly at: number
  readonly count: number
}

/** `GET /.well-known/tidegate/status`, signed. */
export interface EdgeStatus {
  readonly name: string
  readonly version: string
  readonly held: HeldNumbers | undefined
  /** Where the held table came from. */
  readonly source: TableOrigin
  /** Since the last answer of the table source, ms; undefined = never. */
  readonly ageMs: number | undefined
  readonly isolate: string
  readonly refusals: readonly ToldRefusal[]
  /** Cloudflare's place, and the version of the script that answers; absent elsewhere. */
  readonly colo?: string | undefined
  readonly scriptVersion?: string | undefined
  readonly counts: EdgeCounts
}

/** Where a table that an edge holds came from. */
export type TableOrigin = 'bundle' | 'colo-cache' | 'kv' | 'supervisor' | 'control-plane' | 'none'

/** Of one isolate since it began; soft, as isolates come and go. */
export interface EdgeCounts {
  readonly requests: number
  /** Safe requests that the failover site was asked, once more or at once during an outage; and those that the budget kept from it. */
  readonly failovers: number
  readonly failoversSpared: number
  readonly shadows: number
  readonly shadowsDropped: number
  readonly forced: number
}

/** `GET /gateway/v1/status`, signed. With `?documents=1` also the sealed documents, for a restored control plane. */
export interface GatewayStatus {
  readonly site: Site
  readonly instance: string
  readonly version: string
  readonly state: 'starting' | 'ready' | 'draining' | 'stopped'
  readonly startedAt: number
  readonly held: HeldNumbers | undefined
  readonly refusals: readonly ToldRefusal[]
  readonly documents?: TableOffer
  /** Absent where no file is watched. */
  readonly config?: ConfigState
  readonly controlPlane: { readonly connected: boolean; readonly since: number }
  readonly cache: { readonly zones: readonly { name: string; state: string }[]; readonly debt: CacheDebt }
}

/** A configuration by its text; ms since 1970 of when it was read. */
export interface ConfigVersion {
  readonly digest: string
  readonly at: number
}

/** Which configuration serves, and what was wanted instead. */
export interface ConfigState {
  readonly applied: ConfigVersion
  /** What the file says, where that is not what serves. */
  readonly desired?: ConfigVersion
  /** Why not. */
  readonly fault?: { readonly code: string; readonly text: string; readonly at: number }
}

export interface CacheDebt {
  readonly deletes: number
  readonly sets: number
  readonly oldestAgeMs: number
}

/** `GET /gateway/v1/cache/debt`: what one process has still to tell other sites, and whom of them it hears. */
export interface CacheDebtReport {
  readonly site: Site
  /** One row a destination: of the journal of this process, and of those that it took over from dead ones. */
  readonly destinations: readonly CacheDebtRow[]
  /** Processes of other sites that write here. */
  readonly writers: readonly CacheWriterRow[]
}

export interface CacheDebtRow {
  readonly to: Site
  /** Deletes, tags and bumps that were acknowledged here and are not confirmed there; a dirty namespace counts as one. */
  readonly invalidations: number
  readonly values: number
  /** Of the oldest of the invalidations; 0: there is none. */
  readonly oldestAgeMs: number
  /** Invalidations by namespace; at most 10,000 names, the rest under `*`. */
  readonly namespaces: Readonly<Record<string, number>>
  /** Namespaces of which invalidations found no room: the other site has still to give up all of their values. */
  readonly dirty: readonly string[]
}

export interface CacheWriterRow {
  readonly site: Site
  /** Names its journal: what `abandon` is told. */
  readonly place: string
  /** The writer part of its stamps. */
  readonly writer: number
  /** `silent`, `behind` (heard again, and not yet caught up with): what it may have invalidated is not read here. */
  readonly state: 'heard' | 'silent' | 'behind'
  readonly silentMs: number
  /** Invalidations that it had still to tell this site when it was last heard. */
  readonly debt: number
}

/** `PUT /api/v1/sites/{site}/gateways/{instance}`, signed: a process is there. */
export interface GatewayRegistration {
  readonly internalUrl: string
  readonly startedAt: number
  readonly version: string
  readonly held?: HeldNumbers
}

export interface RegistrationAnswer {
  /** 0..239, unique among live processes: the writer part of cache stamps. */
  readonly writerId: number
}

/** `POST /api/v1/sites/{site}/gateways/{instance}/acknowledgement`, signed: what it runs since a moment ago. */
export interface Acknowledgement {
  readonly held: HeldNumbers
  readonly refusals: readonly Refusal[]
}

/** One row a placements number and colo (or edge name): the evidence that edges run a table. */
export interface AdoptionRow {
  readonly placements: TableNumber
  readonly colo: string
  readonly firstSeen: number
  readonly lastSeen: number
  readonly requests: number
}

/** One row a unit, epoch and site that executed: who really serves whom. */
export interface TrafficRow {
  readonly unit: UnitId
  readonly epoch: Epoch
  readonly reads: number
  readonly writes: number
  /** Sent once over the interconnect, since they came to the wrong site. */
  readonly forwarded: number
  /** Answered 5xx. */
  readonly failed: number
}

/** `POST /api/v1/sites/{site}/gateways/{instance}/counters`, signed, once a second. Rows are since the last report. */
export interface Counters {
  readonly at: number
  readonly adoption: readonly AdoptionRow[]
  readonly traffic: readonly TrafficRow[]
  /** Absent: a gateway from before they were counted. */
  readonly marks?: EdgeMarkCounts
  readonly debt: CacheDebt
}

/** Of requests with a verified mark of an edge, since the last report. */
export interface EdgeMarkCounts {
  readonly requests: number
  /** The edge had another structure: nothing can be said of its route. */
  readonly skewed: number
  /** By the same structure edge and gateway found different routes. */
  readonly mismatched: number
}

/** `POST /gateway/v1/tokens/find`, signed: a token unknown at one site is asked once of another. */
export interface TokenQuestion {
  readonly token: string
  /** Absent: a bearer token. */
  readonly by?: 'token' | 'api-key'
}

export type TokenAnswer = { readonly known: false } | { readonly known: true; readonly caller: Caller }

/** Who a request comes from. */
export interface Caller {
  readonly consumer: string
  readonly scopes: readonly string[]
  /** How they showed who they are; absent: by an opaque token. */
  readonly by?: 'token' | 'api-key' | 'jwt'
  /** What their credential says beside, as texts: for rewrites and signed identities. At most 32. */
  readonly claims?: Readonly<Record<string, string>>
  /** Ms since 1970; undefined = does not expire by itself. */
  readonly expiresAt?: number
}

/** The value of `x-tidegate-table`. */
export function tableHint(structure: TableNumber, placements: TableNumber): string {
  return `s=${structure};p=${placements}`
}

export function readTableHint(value: string): { structure: TableNumber; placements: TableNumber } | undefined {
  const match = /^s=(\d{1,15});p=(\d{1,15})$/.exec(value)
  return match === null ? undefined : { structure: Number(match[1]), placements: Number(match[2]) }
}
