import { listOf, objectOf, positive, wordOf, yes } from './object-of.ts'
import type { AnswerOf, EdgePolicy, TimeoutPolicy } from './policy.ts'
import { receiver } from './receiver.ts'
import { count, optional, record, text } from './shape.ts'
import type { EdgeService } from './structure.ts'
import { structureDecoder } from './structure-decoder.ts'

/** What edges read of policies and services: their code starts with each isolate, and gateways judge the rest. */

/** Keys that edges have no use for are passed over, so that a policy may grow without a release of the edge. */
export function readEdgePolicy(value: unknown): EdgePolicy | undefined {
  const fields = record(value)
  const timeout = readTimeout(fields?.['timeout'])
  const effect = optional(fields?.['effect'], wordOf('read', 'write'))
  const trailingSlash = optional(fields?.['trailingSlash'], wordOf('ignore'))
  const accepts = optional(fields?.['accepts'], listOf(wordOf('encoded-slash', 'double-slash')))
  if (timeout === undefined || effect === null || trailingSlash === null || accepts === null) return undefined
  const stream = yes(fields?.['stream'])
  const answer = readMaintenance(fields?.['answer'])
  return {
    timeout,
    ...(effect && { effect }),
    ...(trailingSlash && { trailingSlash }),
    ...(accepts && { accepts }),
    ...(stream && { stream }),
    ...(answer && { answer }),
  }
}

const readMaintenance = objectOf<AnswerOf<'maintenance'>>(
  { kind: wordOf('maintenance'), retryAfterMs: count },
  { message: text },
)

const readTimeout = objectOf<TimeoutPolicy>(
  { connectMs: count, firstByteMs: count, totalMs: count },
  { idleMs: positive },
)

export function readEdgeService(value: unknown): EdgeService | undefined {
  const fields = record(value)
  const id = text(fields?.['id'])
  const home = text(fields?.['home'])
  return id === undefined || home === undefined ? undefined : { id, home }
}

/** The one way in for edges, from network and bundle alike. Never throws. */
export const receiveAtEdge = receiver(structureDecoder(readEdgePolicy, readEdgeService))
