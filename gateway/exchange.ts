import type { Decision } from '#routes/decide.ts'
import type { Mark, MarkFault } from '#routes/hop.ts'
import type { Caller } from '#routes/messages.ts'
import type { RequestFacts } from '#routes/request-facts.ts'
import type { RouteFacts } from '#routes/structure.ts'
import type { Table } from '#routes/table.ts'
import type { Site } from '#routes/vocabulary.ts'
import { type HeaderPairs, joinedValue, lowerNames } from './header-pairs.ts'
import type { MetLimit } from './limits/rate-headers.ts'
import type { RequestBody } from './request-body.ts'

export interface Incoming {
  readonly method: string
  /** Byte for byte as sent (latin1). */
  readonly target: string
  /** `1.0`, `1.1`, or whatever the request line said. */
  readonly version: string
  /** Raw pairs, flat. */
  readonly headers: readonly string[]
  readonly body: RequestBody
  /** Address of the other end of the connection. */
  readonly peer: string
  /** Over TLS, as far as this listener sees. */
  readonly secure: boolean
  /** What the client would change to, if it may; the listener has let nothing else through as an upgrade. */
  readonly upgrade?: 'websocket' | undefined
  /** Writes an informational answer; undefined where the client could not read one (HTTP/1.0). */
  readonly inform?: ((status: 102 | 103, headers: HeaderPairs) => void) | undefined
}

/**
 * One request on its way through the phases, and what they learned of it. Independent of who parsed HTTP. Every field is
 * set in the constructor, so that all exchanges have one shape.
 */
export class Exchange implements RequestFacts {
  readonly method: string
  readonly version: string
  /** Raw pairs, flat; changed by `setHeaders` alone. */
  headers: readonly string[]
  /** Lower-case name of each field of `headers`. */
  names: readonly string[]
  readonly body: RequestBody
  readonly peer: string
  /** Monotonic ms. */
  readonly startedMs: number

  /** Origin-form; an absolute-form target is taken apart by the first phase. */
  target: string
  /** It came in absolute form. */
  absolute: boolean
  /** The client's host: of the Host field, or where a verified edge says it was. */
  host: string
  /** Stamped once by the first of our programs that saw the request. */
  requestId: string
  /** Whom the request comes from, as far as we can tell: a believed word, else the other end of the connection. */
  client: string
  /** The same for deciding: behind a program of ours what that one said, also that it did not know. */
  address: string | undefined
  /** How the client reached the first listener whose word is believed. */
  scheme: 'http' | 'https'
  /** Verified: from an edge, or from a peer gateway that may not be sent back to. */
  mark: Mark | undefined
  markKind: 'edge' | 'hop' | undefined
  /** Why the mark that came is worth nothing; whoever sent it may be a program of ours all the same. */
  markFault: MarkFault | 'no-key' | undefined
  /** The client's key from our signed cookie, and that cookie's value as it came; undefined = none that is ours. */
  sticky: string | undefined
  stickyCookie: string | undefined
  /** The table that this request started with, and is decided by. */
  table: Table | undefined
  decision: Decision | undefined
  /** Further routes as which a service might read this path: their guards hold, too. Mostly none. */
  readings: readonly RouteFacts[]
  caller: Caller | undefined
  /** The very credential by which the caller was accepted, as it came: never to be written down. Undefined = none was. */
  credential: string | undefined
  /** The limits that it met, in order; undefined = none. */
  rates: readonly MetLimit[] | undefined
  /** Path and query that the service gets, where a rewrite changed them; undefined = `target`, byte for byte. */
  rewritten: string | undefined
  /** Changes the head that the service gets, last of all; undefined = nothing. */
  editHead: ((head: HeaderPairs) => HeaderPairs) | undefined
  /** Max-Forwards of an OPTIONS, less this hop; undefined = none said. */
  maxForwards: number | undefined
  /** Monotonic ms by which a program in front of us wants to be answered; Infinity = none said so. */
  deadlineMs: number
  /** `traceparent` of this hop; '' = none yet. */
  trace: string
  /** Set for an operator who asked how the answer came about: each phase tells what it decided. */
  explained: Record<string, unknown> | undefined
  readonly upgrade: 'websocket' | undefined
  readonly inform: Incoming['inform']
  /** The site to which it was forwarded. */
  forwardedTo: string | undefined
  /** Which instance of the service it was sent to, `host:port`: for logs, never for clients. */
  endpoint: string | undefined
  /** The member of Cache-Status that its answer gets. */
  cacheStatus: string | undefined
  /** The site whose answer was given again, from the store or as it came for somebody else: no evidence of the service. */
  storedBy: Site | undefined
  /** What the service answered, or this gateway for it, where the client got what was stored instead; 0 = it got just that. */
  serviceStatus: number
  /** Tries at the service beyond the first. */
  attempt: number
  /** Monotonic ms at which the service's answer began; 0 = never. */
  firstByteMs: number
  bytesOut: number
  /** The client is gone; nobody reads an answer. */
  gone: boolean
  /** Called once when the client goes; whoever waits for something sets it, one at a time. */
  whenGone: (() => void) | undefined

  constructor(incoming: Incoming, requestId: string, startedMs: number) {
    this.method = incoming.method
    this.version = incoming.version
    this.headers = incoming.headers
    this.names = lowerNames(incoming.headers)
    this.body = incoming.body
    this.peer = incoming.peer
    this.startedMs = startedMs
    this.target = incoming.target
    this.absolute = false
    this.host = ''
    this.requestId = requestId
    this.client = incoming.peer
    this.address = incoming.peer
    this.scheme = incoming.secure ? 'https' : 'http'
    this.mark = undefined
    this.markKind = undefined
    this.markFault = undefined
    this.sticky = undefined
    this.stickyCookie = undefined
    this.table = undefined
    this.decision = undefined
    this.readings = []
    this.caller = undefined
    this.credential = undefined
    this.rates = undefined
    this.rewritten = undefined
    this.editHead = undefined
    this.maxForwards = undefined
    this.deadlineMs = Number.POSITIVE_INFINITY
    this.trace = ''
    this.explained = undefined
    this.upgrade = incoming.upgrade
    this.inform = incoming.inform
    this.forwardedTo = undefined
    this.endpoint = undefined
    this.cacheStatus = undefined
    this.storedBy = undefined
    this.serviceStatus = 0
    this.attempt = 0
    this.firstByteMs = 0
    this.bytesOut = 0
    this.gone = false
    this.whenGone = undefined
  }

  /** Of the client, as the edge found out. */
  get country(): string | undefined {
    return this.mark?.country
  }

  /**
   * An edge's copy of a client's read, to warm what is behind this gateway: nobody waits for its answer, and it is no evidence of
   * who is served where.
   */
  get isCopy(): boolean {
    return this.mark?.flags.includes('shadow') ?? false
  }

  /** Nobody claims to be a program of ours in front: those take an informational answer for the whole one. */
  get isDirect(): boolean {
    return this.mark === undefined && this.markFault === undefined
  }

  /** Other fields in place of those that came: for what must be known to no later phase, nor to a service. */
  setHeaders(headers: readonly string[]): void {
    this.headers = headers
    this.names = lowerNames(headers)
  }

  header(name: string): string | undefined {
    return joinedValue(this.headers, this.names, name)
  }

  /**
   * An exchange of its own for asking the service: with other fields, and by the same decision, caller and marks. It lives on
   * when this one's client leaves, since others may wait for its answer, and none of their deadlines is its own. `unheard`: a GET
   * of which nobody hears before it has an answer.
   */
  forFetch(headers: readonly string[], unheard = false): Exchange {
    const { target, version, body, peer, upgrade } = this
    const method = unheard ? 'GET' : this.method
    const inform = unheard ? undefined : this.inform
    const secure = this.scheme === 'https'
    const incoming = { method, target, version, headers, body, peer, secure, upgrade, inform }
    const fetch = new Exchange(incoming, this.requestId, this.startedMs)
    fetch.absolute = this.absolute
    fetch.host = this.host
    fetch.client = this.client
    fetch.address = this.address
    fetch.mark = this.mark
    fetch.markKind = this.markKind
    fetch.markFault = this.markFault
    fetch.sticky = this.sticky
    fetch.stickyCookie = this.stickyCookie
    fetch.table = this.table
    fetch.decision = this.decision
    fetch.readings = this.readings
    fetch.caller = this.caller
    fetch.credential = this.credential
    fetch.editHead = this.editHead
    fetch.maxForwards = this.maxForwards
    fetch.trace = this.trace
    if (!unheard) fetch.explained = this.explained
    return fetch
  }

  /** What became known of the service on the way of a fetch, for whoever accounts for this request. */
  fetched({ endpoint, attempt, firstByteMs }: Exchange): void {
    this.endpoint = endpoint
    this.attempt = attempt
    this.firstByteMs = firstByteMs
  }

  /** The client went away before it had its answer. */
  leave(): void {
    if (this.gone) return
    this.gone = true
    this.whenGone?.()
  }
}
