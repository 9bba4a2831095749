/** Asks an edge from where this runs, by exact bytes, with words that the control plane signed. */
import type { EdgeStatus } from '#routes/messages.ts'
import { array, count, document, record, text } from '#routes/shape.ts'
import type { Clock } from '#server-kit/clock.ts'
import { ApiProblem, type Client } from '../../api-client/client.ts'
import type { EchoWordsAnswer } from '../../api-client/edge-schema.ts'
import { type Outcome, type Place, type RawRequest, sendRaw } from './connection.ts'
import { slowSeconds } from './judge-bodies.ts'
import type { Publishing } from './judge-publishing.ts'
import { isCloudflare } from './judge-time.ts'
import { type Reply, replyOf } from './reply.ts'

export interface DoctorOptions {
  /** Site -> URL at which its gateway can be reached past the edge. */
  readonly origins: ReadonlyMap<string, URL>
  readonly bodyBytes: number
}

export interface Question extends Omit<RawRequest, 'head' | 'signed'> {
  /** Default GET. */
  readonly method?: string
  /** Default a path of no service. */
  readonly target?: string
  /** What stands in the request line instead of the target. */
  readonly form?: string
  readonly behaviour?: string
  readonly fields?: readonly (readonly [name: string, value: string])[]
  /** Default `close`. */
  readonly connection?: string
}

export interface SiteWay {
  readonly site: string
  /** Undefined: no request that is known leads there. */
  readonly target: string | undefined
  readonly because: string
}

/** Explained at most for a site: a route may stand behind others, or belong to another host. */
const explainLimit = 12
/** Words end after five minutes, and an upload may take its time. */
const renewMs = 4 * 60_000
const behaviours = ['plain', 'gzip', 'cache', 'sse', 'early', `slow${slowSeconds}`]

export class Doctor {
  readonly place: Place
  readonly host: string
  readonly plane: Client
  readonly clock: Clock
  readonly options: DoctorOptions
  /** Of no service, and of this run alone. */
  readonly path: string
  #words: EchoWordsAnswer
  #wordsAt: number
  #plain: Promise<Reply> | undefined

  private constructor(place: Place, plane: Client, words: EchoWordsAnswer, clock: Clock, options: DoctorOptions) {
    this.place = place
    this.host = place.host
    this.plane = plane
    this.clock = clock
    this.options = options
    this.#words = words
    this.#wordsAt = clock.monotonic()
    this.path = `/.well-known/tidegate/echo/${words.now.toString(36)}`
  }

  /** Asks the control plane for the first words; throws as the client does. */
  static async begin(place: Place, plane: Client, clock: Clock, options: DoctorOptions): Promise<Doctor> {
    return new Doctor(place, plane, await plane.echoWords({ behaviours }), clock, options)
  }

  now(): number {
    return this.clock.now()
  }

  /** The control plane's clock. */
  planeNow(): number {
    return this.#words.now + (this.clock.monotonic() - this.#wordsAt)
  }

  /** Who answered. */
  async echo(question: Question): Promise<Reply> {
    return replyOf(await this.ask(question))
  }

  /** The plainest question, asked once a run. */
  plain(): Promise<Reply> {
    this.#plain ??= this.#send({}).then(replyOf)
    return this.#plain
  }

  /** Whoever did not answer the plainest question is not asked the others: each would wait for its end. */
  async ask(question: Question): Promise<Outcome> {
    const plain = await this.plain()
    return plain.kind === 'silence' ? plain.outcome : this.#send(question)
  }

  async #send({
    method = 'GET',
    target = this.path,
    form = target,
    behaviour = 'plain',
    ...rest
  }: Question): Promise<Outcome> {
    const { fields = [], connection = 'close', ...request } = rest
    const { header, words } = await this.#currentWords()
    const length = (request.body?.length ?? 0) * (request.times ?? 1)
    const lines = [
      `${method} ${form} HTTP/1.1`,
      `Host: ${this.host}`,
      `User-Agent: tidegate-doctor`,
      `${header}: ${words[behaviour] ?? ''}`,
      `Connection: ${connection}`,
      ...(request.body === undefined ? [] : [`Content-Length: ${length}`]),
      ...fields.map(([name, value]) => `${name}: ${value}`),
    ]
    return sendRaw(this.place, { ...request, head: `${lines.join('\r\n')}\r\n\r\n`, signed: true }, this.clock)
  }

  async #currentWords(): Promise<EchoWordsAnswer> {
    if (this.clock.monotonic() - this.#wordsAt > renewMs) {
      this.#words = await this.plane.echoWords({ behaviours })
      this.#wordsAt = this.clock.monotonic()
    }
    return this.#words
  }

  /** As anybody who found the origin would ask it. */
  unsigned(url: URL): Promise<Outcome> {
    return sendRaw({ ...this.place, url }, { head: this.unsignedHead }, this.clock)
  }

  get unsignedHead(): string {
    return `GET ${this.path} HTTP/1.1\r\nHost: ${this.host}\r\nUser-Agent: tidegate-doctor\r\n\r\n`
  }

  /** Undefined: whoever answers does not know the call. */
  status(): Promise<EdgeStatus | undefined> {
    return askStatus(this.place, this.plane, this.clock)
  }

  async onCloudflare(): Promise<boolean> {
    return isCloudflare((await this.plain()).outcome.head?.fields ?? [])
  }

  /** What the control plane has done on Cloudflare, where the edge is there. */
  async publishing(): Promise<Publishing> {
    if (!(await this.onCloudflare())) return 'elsewhere'
    try {
      return await this.plane.edgeVersions()
    } catch (cause) {
      if (cause instanceof ApiProblem && cause.code === 'edge-publishing-off') return 'off'
      throw cause
    }
  }

  /** For each site a GET of this host that the table sends there now. */
  async waysToSites(): Promise<readonly SiteWay[]> {
    const [sites, routes, units] = await Promise.all([this.plane.sites(), this.plane.routes(), this.plane.units()])
    const owners = new Map(units.map(({ unit, placement }) => [unit, placement.owner]))
    return Promise.all(
      sites.map(async ({ name: site }) => {
        const own = routes.filter(
          ({ unit, methods }) => owners.get(unit) === site && (methods ?? ['GET']).includes('GET'),
        )
        const targets = [this.path, ...own.map(({ pattern }) => witnessOf(pattern))]
        for (const target of targets.slice(0, explainLimit)) {
          const told = await this.plane.explain({ method: 'GET', url: `https://${this.host}${target}` })
          if (told.site === site) return { site, target, because: told.because }
        }
        return { site, target: undefined, because: '' }
      }),
    )
  }
}

export async function askStatus(place: Place, plane: Client, clock: Clock): Promise<EdgeStatus | undefined> {
  const { target, header } = await plane.statusCall()
  const head = `GET ${target} HTTP/1.1\r\nHost: ${place.host}\r\n${header.name}: ${header.value}\r\nConnection: close\r\n\r\n`
  const outcome = await sendRaw(place, { head, signed: true }, clock)
  return outcome.head?.status === 200 ? statusIn(outcome.body.toString('utf8')) : undefined
}

/** Undefined for what no edge says: anybody may answer, with anything. */
function statusIn(body: string): EdgeStatus | undefined {
  const status = document(body)
  const { name, source, held, refusals } = status ?? {}
  const isTold = text(name) !== undefined && text(source) !== undefined && array(refusals, record) !== undefined
  return isTold && (held === undefined || isHeld(record(held))) ? (status as unknown as EdgeStatus) : undefined
}

function isHeld(held: ReturnType<typeof record>): boolean {
  return [held?.['structure'], held?.['placements']].every((one) => count(record(one)?.['number']) !== undefined)
}

/** A path that the pattern matches; a route of its own may still come before it, which `explain` knows. */
function witnessOf(pattern: string): string {
  return pattern.replace(/\{[^}]*\}/g, 'doctor').replace(/\*\*$/, 'doctor')
}
