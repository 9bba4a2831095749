import { createHash } from 'node:crypto'
import type { TableNumber } from '#routes/vocabulary.ts'
import type { PublicationState } from '../api-client/cloudflare-schema.ts'

const ends: ReadonlySet<PublicationState> = new Set(['confirmed', 'rolled-back', 'refused', 'outdated', 'superseded'])

/** What a version of the script holds. */
export interface ScriptContent {
  readonly structure: TableNumber
  readonly structureDigest: string
  readonly placements: TableNumber
  readonly placementsDigest: string
  /** Of the code and of how it is to be run. */
  readonly codeDigest: string
}

/** One way of a version to the edge; each change of it is journaled before anything is done about it. */
export interface Publication {
  readonly id: string
  /** Of the content: a version on Cloudflare with this tag is this content, whoever uploaded it. */
  readonly tag: string
  /** `placements`: code and structure are deployed already, so that there is nothing new to be tried on a share of traffic. */
  readonly kind: 'structure' | 'placements'
  readonly content: ScriptContent
  /** What is deployed when it begins, and again when it is taken back. */
  readonly formerId: string
  readonly versionId?: string
  readonly state: PublicationState
  /** When it came into this state. */
  readonly since: number
  readonly startedAt: number
  readonly actor: string
  readonly reason: string
  /** Why it ended otherwise than confirmed. */
  readonly because?: string
  readonly gzipBytes: number
  /** Measured here before the upload, and by Cloudflare with it. */
  readonly startupMs: number
  readonly platformStartupMs?: number
}

export function isOpen({ state }: Publication): boolean {
  return !ends.has(state)
}

/** 25 bytes: older descriptions of the API allow no more. */
export function tagOf(content: ScriptContent): string {
  const { structureDigest, placementsDigest, codeDigest } = content
  const digest = createHash('sha256').update([codeDigest, structureDigest, placementsDigest].join('.')).digest('hex')
  return `tidegate-${digest.slice(0, 16)}`
}

const messageForm = /^structure (\d+) ([\w-]{16}) placements (\d+) code ([\w-]{16})$/

/** For people who look at the versions, and for us to compare; at most 100 bytes, where Cloudflare cuts. */
export function messageOf({ structure, structureDigest, placements, codeDigest }: ScriptContent): string {
  return `structure ${structure} ${structureDigest.slice(0, 16)} placements ${placements} code ${codeDigest.slice(0, 16)}`
}

/** Whether a version with this message has the same code and structure: it differs in placements at most. */
export function differsInPlacementsOnly(message: string | undefined, content: ScriptContent): boolean {
  const [, , structureDigest, , codeDigest] = messageForm.exec(message ?? '') ?? []
  return structureDigest === content.structureDigest.slice(0, 16) && codeDigest === content.codeDigest.slice(0, 16)
}
