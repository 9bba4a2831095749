import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { receiveAtEdge } from '#routes/edge-parts.ts'
import { paths, type Refusal, type TableOffer } from '#routes/messages.ts'
import type { TrustedKeys } from '#routes/seal.ts'
import type { EdgeTable } from '#routes/table.ts'
import type { Clock } from '#server-kit/clock.ts'
import { readKeptJson, writeKeptFile } from '#server-kit/kept-file.ts'
import type { Part } from '#server-kit/lifecycle.ts'
import type { Log } from '#server-kit/log.ts'
import { RefusalCounts } from '../refusal-counts.ts'
import { offerLimitBytes, offerOf } from '../table-offer.ts'
import { type SourceStatus, type TableSource, tableTag } from '../table-sources.ts'

export interface RelaySettings {
  readonly source: TableSource
  readonly trusted: TrustedKeys
  /** Folder of the kept table. */
  readonly home: string
  readonly clock: Clock
  readonly log: Log
  /** Told of each document that is not taken. */
  readonly onRefusal?: (refusal: Refusal) => void
}

const pollEveryMs = 1_000
const pollLimitMs = 800
/** A child that asks gets knowledge of at most this age. */
const freshMs = 200
const keptFile = 'table.json'

/**
 * The table of all workerd processes of this edge: polled from the control plane, judged by `receive`, kept on disk,
 * served to the children on a loopback listener. With the control plane away everything goes on, restarts too.
 */
export class TableRelay implements Part {
  readonly name = 'table relay'
  /** Opens the listener; made anew with each start and known to the children alone. */
  readonly token = randomBytes(32).toString('base64url')
  #settings: RelaySettings
  readonly #refusals = new RefusalCounts()
  readonly #server = createServer((request, response) => void this.#serve(request, response))
  #table: EdgeTable | undefined
  #answeredAt: number | undefined
  #askedAt = Number.NEGATIVE_INFINITY
  #asking: Promise<void> | undefined
  #away = false
  #timer: NodeJS.Timeout | undefined

  constructor(settings: RelaySettings) {
    this.#settings = settings
  }

  async start(): Promise<void> {
    await this.#readKept()
    await this.#ask()
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    this.#askLater()
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer)
    this.#server.closeAllConnections()
    this.#server.close()
    await this.#asking
  }

  /** `host:port` of the listener. */
  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** From now on another control plane is asked, or other keys are believed. What is held stays. */
  renew(changed: Pick<RelaySettings, 'source' | 'trusted'>): void {
    this.#settings = { ...this.#settings, ...changed }
  }

  /** Whether what is held would be taken with these keys; true of nothing. */
  async isBelievedWith(trusted: TrustedKeys): Promise<boolean> {
    return this.#table === undefined || (await receiveAtEdge(undefined, this.documents, trusted)).table !== undefined
  }

  /** Of the table that is held. */
  get numbers(): { readonly structure: number; readonly placements: number } | undefined {
    const table = this.#table
    return table && { structure: table.structure.number, placements: table.placements.number }
  }

  /** Since the last answer of the control plane, ms; undefined = never. */
  get ageMs(): number | undefined {
    const at = this.#answeredAt
    return at === undefined ? undefined : Math.round(this.#settings.clock.monotonic() - at)
  }

  /** What a new workerd process starts with. */
  get documents(): TableOffer {
    return this.#table === undefined ? {} : offerFor(this.#table, 0)
  }

  #askLater(): void {
    this.#timer = setTimeout(() => void this.#ask().then(() => this.#askLater()), pollEveryMs)
  }

  /** One question at a time; who comes meanwhile waits for its answer. Never rejects. */
  #ask(): Promise<void> {
    this.#asking ??= this.#askNow().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  async #askNow(): Promise<void> {
    const { source, clock, log } = this.#settings
    this.#askedAt = clock.monotonic()
    const answer = await source.read(this.#table, AbortSignal.timeout(pollLimitMs))
    const away = 'away' in answer ? answer.away : undefined
    // One line when it goes and one when it comes back: an hour of absence must not fill the log.
    if (away !== undefined && !this.#away)
      log.warn({ reason: away }, 'the control plane gives no table; the held one serves')
    if (away === undefined && this.#away) log.info({}, 'the control plane answers again')
    this.#away = away !== undefined
    if ('away' in answer) return
    this.#answeredAt = clock.monotonic()
    if (await this.#take(answer)) await this.#keep()
  }

  async #take(offer: TableOffer): Promise<boolean> {
    const { trusted, clock, log, onRefusal } = this.#settings
    const { table, changed, refusals } = await receiveAtEdge(this.#table, offer, trusted)
    for (const refusal of refusals) onRefusal?.(refusal)
    const first = this.#refusals.add(refusals, clock.now())
    // Two documents under one number: somebody else signs with our key, or two control planes run. No poll mends it.
    if (first.some(({ because }) => because === 'forked')) log.error({ refusals }, 'table-forked')
    else if (first.length > 0) log.warn({ refusals }, 'an offered table was refused')
    if (!changed || table === undefined) return false
    this.#table = table
    log.info({ structure: table.structure.number, placements: table.placements.number }, 'a table was adopted')
    return true
  }

  async #keep(): Promise<void> {
    try {
      await writeKeptFile(join(this.#settings.home, keptFile), JSON.stringify(this.documents))
    } catch (err) {
      this.#settings.log.warn({ err }, 'the table could not be kept; a restart without the control plane would lose it')
    }
  }

  async #readKept(): Promise<void> {
    try {
      const offer = offerOf(await readKeptJson(join(this.#settings.home, keptFile), offerLimitBytes))
      if (offer !== undefined) await this.#take(offer)
    } catch (err) {
      this.#settings.log.warn({ err }, 'the kept table is unusable; the control plane is asked')
    }
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = URL.parse(request.url ?? '', 'http://tables')
    if (!this.#isChild(request)) return answer(response, 401)
    if (url?.pathname === '/status') return answer(response, 200, this.#status())
    if (url?.pathname !== paths.edgeTable) return answer(response, 404)
    // Also while an answer is on its way: who came first must not be the only one to get it.
    if (this.#asking !== undefined || this.#settings.clock.monotonic() - this.#askedAt > freshMs) await this.#ask()
    if (this.#table === undefined) return answer(response, 503)
    if (request.headers['if-none-match'] === tableTag(this.#table)) return answer(response, 304)
    answer(response, 200, offerFor(this.#table, Number(url.searchParams.get('structure'))))
  }

  #isChild(request: IncomingMessage): boolean {
    const given = createHash('sha256')
      .update(request.headers.authorization ?? '')
      .digest()
    return timingSafeEqual(given, createHash('sha256').update(`Bearer ${this.token}`).digest())
  }

  #status(): SourceStatus {
    const { ageMs } = this
    return { ...(ageMs === undefined ? {} : { ageMs }), refusals: this.#refusals.told }
  }
}

/** The structure is large and rarely new: only who holds another one gets it. */
function offerFor(table: EdgeTable, structureHeld: number): TableOffer {
  const placements = table.placements.sealed
  return table.structure.number === structureHeld ? { placements } : { structure: table.structure.sealed, placements }
}

function answer(response: ServerResponse, status: number, value?: unknown): void {
  const body = value === undefined ? '' : JSON.stringify(value)
  response.writeHead(
    status,
    status === 304 ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
  )
  response.end(body)
}
