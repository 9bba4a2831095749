import type { Mark, MarkFault, MarkFlag } from './hop.ts'
import { listOf, objectOf, type Reader, wordOf } from './object-of.ts'
import { array, count, document, oneOf, text } from './shape.ts'
import type { Site, TableNumber } from './vocabulary.ts'

/**
 * Doctor's question, signed in `x-tidegate-echo`, and what a gateway answers by itself, for any method and target: what of the
 * request arrived. It reaches no service and needs no credential but the signature, of the ring `control-gateway`.
 */

/**
 * How the answer comes: `plain`; `gzip`: compressed, with a strong ETag; `cache`: any cache may give it again for a minute, of
 * the others none may; `sse`: three events, each with a whole answer, 100 ms apart; `slow<n>`: after n seconds; `early`: behind a
 * 103, which no edge may be sent. A wanted upgrade to WebSocket is answered with 101, the answer as one text message, and the
 * close.
 */
export type EchoBehaviour = (typeof plainBehaviours)[number] | `slow${number}`

const plainBehaviours = ['plain', 'gzip', 'cache', 'sse', 'early'] as const

/** A gateway waits no longer than this before a `slow` answer. */
export const slowestEchoS = 130
/** A gateway reads, and does not keep, so much of a body; beyond it 413. */
export const echoBodyLimit = 600 * 1024 * 1024
/** Between two events of `sse`. */
export const echoEventMs = 100

/** What is signed: a behaviour and what tells this question from others, 1 to 100 characters of A-Z a-z 0-9 _ - */
export function echoValue(behaviour: EchoBehaviour, nonce: string): string {
  return `${behaviour}-${nonce}`
}

export const echoBehaviours = [...plainBehaviours, 'slow'] as const

export interface EchoQuestion {
  readonly behaviour: (typeof echoBehaviours)[number]
  /** Of `slow`; else 0. */
  readonly waitS: number
  readonly nonce: string
}

/** Undefined for a behaviour that this release does not know. */
export function readEchoValue(value: string): EchoQuestion | undefined {
  const [, word, seconds = '0', nonce = ''] = valueForm.exec(value) ?? []
  const behaviour = oneOf(word?.startsWith('slow') ? 'slow' : word, echoBehaviours)
  const waitS = Number(seconds)
  return behaviour === undefined || waitS > slowestEchoS ? undefined : { behaviour, waitS, nonce }
}

const valueForm = /^(plain|gzip|cache|sse|early|slow(\d{1,3}))-([\w-]{1,100})$/

/** What arrived, as the gateway that answers saw it. */
export interface EchoAnswer {
  readonly nonce: string
  readonly site: Site
  /** Name of the process. */
  readonly instance: string
  readonly method: string
  /** Byte for byte, one character a byte. */
  readonly target: string
  readonly host: string
  readonly scheme: 'http' | 'https'
  /** As on the request line: `1.1`. */
  readonly httpVersion: string
  /** All fields in order, letter case kept. Of ours the value is left out: it may be somebody's credential for a while. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Of the client, as services are told it. */
  readonly address: string
  /** Of the other end of the connection. */
  readonly peer: string
  /** The edge's mark, where it verified. */
  readonly edge?: EchoedMark
  /** Why the mark that came did not verify; absent: it did, or none came. */
  readonly markFault?: MarkFault | 'no-key'
  readonly bodyBytes: number
  /** SHA-256, base64url. */
  readonly bodyDigest: string
  /** Ms since 1970 on the gateway's clock, when it wrote this. */
  readonly now: number
  /** How long it keeps idle connections, ms. */
  readonly keepAliveMs: number
  /** The numbers that the gateway holds; absent: it has no table. */
  readonly held?: { readonly structure: TableNumber; readonly placements: TableNumber }
}

/** A verified mark, and how far the gateway's clock was ahead of the edge's when it came, with the way between them. */
export interface EchoedMark extends Mark {
  readonly skewMs: number
}

/** Undefined for whatever else answered in the gateway's place. */
export function readEchoAnswer(body: string): EchoAnswer | undefined {
  return decodeAnswer(document(body))
}

const integer: Reader<number> = (value) => (Number.isSafeInteger(value) ? (value as number) : undefined)
const flags = wordOf('force', 'failover', 'shadow', 'shadowed', 'unsafe') satisfies Reader<MarkFlag>

function pair(value: unknown): readonly [string, string] | undefined {
  const [name, said, ...more] = array(value, text) ?? []
  return name === undefined || said === undefined || more.length > 0 ? undefined : [name, said]
}

const decodeMark = objectOf<EchoedMark>(
  {
    at: count,
    skewMs: integer,
    requestId: text,
    structure: count,
    placements: count,
    because: text,
    from: text,
    flags: listOf(flags),
  },
  { route: text, unit: text, epoch: count, bucket: count, country: text, address: text },
)

const decodeAnswer = objectOf<EchoAnswer>(
  {
    nonce: text,
    site: text,
    instance: text,
    method: text,
    target: text,
    host: text,
    scheme: wordOf('http', 'https'),
    httpVersion: text,
    headers: listOf(pair),
    address: text,
    peer: text,
    bodyBytes: count,
    bodyDigest: text,
    now: count,
    keepAliveMs: count,
  },
  {
    edge: decodeMark,
    markFault: wordOf('malformed', 'out-of-window', 'mac-wrong', 'no-key'),
    held: objectOf({ structure: count, placements: count }, {}),
  },
)
