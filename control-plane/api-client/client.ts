import type { AuditEntry, AuditVerdict, LinkAnswer, TokenBody, TokenCreated, TokenSummary } from './access-schema.ts'
import type { InvalidateAnswer, InvalidateBody } from './cache-schema.ts'
import type { EdgeVersionsAnswer, PublishAnswer } from './cloudflare-schema.ts'
import type { EchoWordsAnswer, EchoWordsBody, ForceAnswer, ForceBody, StatusCallAnswer } from './edge-schema.ts'
import type {
  AdoptionAnswer,
  ApplyAnswer,
  ApplyBody,
  CatalogAnswer,
  ChangeAnswer,
  ConsoleEvent,
  DiffAnswer,
  ExplainAnswer,
  ExplainBody,
  FailoverBody,
  FlipBody,
  GatewaySummary,
  ProblemAnswer,
  RouteSummary,
  ServiceSummary,
  ShadowBody,
  SiteSummary,
  StatusAnswer,
  TableAnswer,
  TableEntry,
  UnitAnswer,
  UnitSummary,
} from './schema.ts'

export interface ClientOptions {
  /** Of the control plane; in its own console `''`, which calls the same origin. */
  readonly url: string
  /** Absent: the session's cookie speaks, or nothing does. */
  readonly token?: string
  readonly fetch?: typeof fetch
  /** For an answer to begin, ms. Default 30,000, and 70,000 where the caller asks to wait. */
  readonly timeoutMs?: number
}

/** A refusal of the control plane, or that it could not be reached (`code` is `unreachable`, `status` 0). */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem'
  readonly status: number
  readonly code: string
  readonly fix: string | undefined
  readonly requestId: string | undefined
  /** All that is wrong with a catalog. */
  readonly faults: NonNullable<ProblemAnswer['faults']>
  /** What another operator did in between (`stale-revision`). */
  readonly change: unknown

  constructor(status: number, body: Partial<ProblemAnswer>, cause?: unknown) {
    super(
      body.detail ?? body.title ?? `The control plane answered ${status}.`,
      cause === undefined ? undefined : { cause },
    )
    this.status = status
    this.code = body.code ?? 'unknown'
    this.fix = body.fix
    this.requestId = body.requestId
    this.faults = body.faults ?? []
    this.change = body.change
  }
}

/** An event with its id, by which a stream is resumed; counters have none. */
export interface ReceivedEvent {
  readonly id?: number
  readonly event: ConsoleEvent
}

/** The epoch that a change follows; `*` = whichever it is. */
export type IfMatch = number | '*'

export type Client = ReturnType<typeof createClient>

/** The one client of the REST API, for CLI and console: each method is an endpoint; refusals are thrown as `ApiProblem`. */
export function createClient({ url, token, fetch: send = fetch, timeoutMs = 30_000 }: ClientOptions) {
  const get = <Answer>(path: string, waitMs?: number) => ask<Answer>('GET', path, { waitMs })
  const post = <Answer>(path: string, body?: unknown, ifMatch?: IfMatch) => ask<Answer>('POST', path, { body, ifMatch })

  return {
    status: () => get<StatusAnswer>('/api/v1/status'),
    apply: (body: ApplyBody, options: { readonly dryRun?: boolean } = {}) =>
      post<ApplyAnswer>(`/api/v1/catalog/apply${options.dryRun ? '?dryRun=true' : ''}`, body),
    diff: (body: ApplyBody) => post<DiffAnswer>('/api/v1/catalog/diff', body),
    catalog: () => get<CatalogAnswer>('/api/v1/catalog'),
    services: () => get<ServiceSummary[]>('/api/v1/services'),
    routes: () => get<RouteSummary[]>('/api/v1/routes'),
    sites: () => get<SiteSummary[]>('/api/v1/sites'),
    units: () => get<UnitSummary[]>('/api/v1/units'),
    unit: (unit: string) => get<UnitAnswer>(`/api/v1/units/${part(unit)}`),
    flip: (unit: string, body: FlipBody, ifMatch: IfMatch) =>
      post<ChangeAnswer>(`/api/v1/units/${part(unit)}/flip`, body, ifMatch),
    rollback: (unit: string, reason?: string, ifMatch?: IfMatch) =>
      post<ChangeAnswer>(`/api/v1/units/${part(unit)}/rollback`, reason === undefined ? {} : { reason }, ifMatch),
    shadow: (unit: string, body: ShadowBody, ifMatch: IfMatch) =>
      ask<ChangeAnswer>('PUT', `/api/v1/units/${part(unit)}/shadow`, { body, ifMatch }),
    endShadow: (unit: string, reason: string, ifMatch: IfMatch) =>
      ask<ChangeAnswer>('DELETE', `/api/v1/units/${part(unit)}/shadow?reason=${part(reason)}`, { ifMatch }),
    failover: (unit: string, body: FailoverBody, ifMatch: IfMatch) =>
      ask<ChangeAnswer>('PUT', `/api/v1/units/${part(unit)}/failover`, { body, ifMatch }),
    endFailover: (unit: string, reason: string, ifMatch: IfMatch) =>
      ask<ChangeAnswer>('DELETE', `/api/v1/units/${part(unit)}/failover?reason=${part(reason)}`, { ifMatch }),
    tables: (options: { readonly before?: number; readonly limit?: number } = {}) =>
      get<TableEntry[]>(`/api/v1/tables${query(options)}`),
    table: (number: number) => get<TableAnswer>(`/api/v1/tables/${number}`),
    /** `waitSeconds`: answers as soon as it is confirmed, after so long (at most 60 s) in any case. */
    adoption: (number: number, waitSeconds = 0) =>
      get<AdoptionAnswer>(
        `/api/v1/tables/${number}/adoption${waitSeconds > 0 ? `?wait=${waitSeconds}s` : ''}`,
        waitSeconds * 1_000 + 10_000,
      ),
    gateways: () => get<GatewaySummary[]>('/api/v1/gateways'),
    removeGateway: (site: string, instance: string) =>
      ask<void>('DELETE', `/api/v1/gateways/${part(site)}/${part(instance)}`, {}),
    /** The internal API of a gateway process of `site`: `recorder?unit=orders`, `hops?watch=5s`, ... */
    gateway: <Answer>(site: string, path: string) => get<Answer>(`/api/v1/sites/${part(site)}/gateway/${path}`, 40_000),
    askGateway: <Answer>(site: string, path: string, body?: unknown) =>
      post<Answer>(`/api/v1/sites/${part(site)}/gateway/${path}`, body),
    invalidate: (body: InvalidateBody) => post<InvalidateAnswer>('/api/v1/cache/invalidations', body),
    force: (body: ForceBody) => post<ForceAnswer>('/api/v1/edge/force', body),
    echoWords: (body: EchoWordsBody) => post<EchoWordsAnswer>('/api/v1/edge/echo-words', body),
    edgeVersions: () => get<EdgeVersionsAnswer>('/api/v1/edge/versions', 60_000),
    /** Answered when the script is built, measured and begun with. */
    publishEdge: (reason: string) =>
      ask<PublishAnswer>('POST', '/api/v1/edge/publish', { body: { reason }, waitMs: 120_000 }),
    rollbackEdge: (reason: string) => post<PublishAnswer>('/api/v1/edge/rollback', { reason }),
    statusCall: () => post<StatusCallAnswer>('/api/v1/edge/status-call'),
    explain: (body: ExplainBody) => post<ExplainAnswer>('/api/v1/explain', body),
    audit: (options: { readonly after?: number; readonly limit?: number } = {}) =>
      get<AuditEntry[]>(`/api/v1/audit${query(options)}`),
    verifyAudit: () => get<AuditVerdict>('/api/v1/audit/verify'),
    createToken: (body: TokenBody) => post<TokenCreated>('/api/v1/tokens', body),
    tokens: () => get<TokenSummary[]>('/api/v1/tokens'),
    revokeToken: (id: string) => ask<void>('DELETE', `/api/v1/tokens/${part(id)}`, {}),
    createLoginLink: () => post<LinkAnswer>('/api/v1/login-links'),
    openApi: () => get<unknown>('/api/v1/openapi.json'),
    /** Changes as they happen, until `signal` aborts or the stream ends; then resume with the last id. */
    events: (signal: AbortSignal, lastId?: number) => events(signal, lastId),
  }

  async function ask<Answer>(method: string, path: string, options: AskOptions): Promise<Answer> {
    const { body, ifMatch, waitMs = timeoutMs } = options
    const answer = await request(path, {
      method,
      headers: {
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(ifMatch === undefined ? {} : { 'if-match': ifMatch === '*' ? '*' : `"${ifMatch}"` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(Math.max(waitMs, timeoutMs)),
    })
    if (answer.status === 204) return undefined as Answer
    return (await readJson(answer)) as Answer
  }

  async function* events(signal: AbortSignal, lastId: number | undefined): AsyncGenerator<ReceivedEvent> {
    const headers: Record<string, string> = { accept: 'text/event-stream' }
    if (lastId !== undefined) headers['last-event-id'] = String(lastId)
    const answer = await request('/api/v1/events', { method: 'GET', headers, signal })
    if (answer.body === null) return
    let rest = ''
    for await (const text of decoded(answer.body)) {
      const blocks = (rest + text).split('\n\n')
      rest = blocks.pop() ?? ''
      for (const block of blocks) {
        const event = eventOf(block)
        if (event !== undefined) yield event
      }
    }
  }

  async function request(path: string, init: RequestInit & { headers: Record<string, string> }): Promise<Response> {
    const headers = { ...init.headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) }
    let answer: Response
    try {
      answer = await send(url.replace(/\/$/, '') + path, { ...init, headers, redirect: 'error' })
    } catch (cause) {
      const detail = `The control plane at ${url || 'this origin'} cannot be reached.`
      throw new ApiProblem(0, { code: 'unreachable', detail, fix: 'Check the address, and that it runs.' }, cause)
    }
    if (answer.ok) return answer
    throw new ApiProblem(answer.status, ((await readJson(answer)) ?? {}) as Partial<ProblemAnswer>)
  }
}

interface AskOptions {
  readonly body?: unknown
  readonly ifMatch?: IfMatch | undefined
  readonly waitMs?: number | undefined
}

/** Undefined where no JSON came, as from a proxy in between. */
async function readJson(answer: Response): Promise<unknown> {
  try {
    return await answer.json()
  } catch {
    // The status alone tells it then.
    return undefined
  }
}

async function* decoded(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  const reader = body.getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield decoder.decode(value, { stream: true })
    }
  } finally {
    await reader.cancel()
  }
}

function eventOf(block: string): ReceivedEvent | undefined {
  const fields = new Map(
    block.split('\n').map((line) => [line.split(':', 1)[0], line.slice(line.indexOf(':') + 1).trim()]),
  )
  const data = fields.get('data')
  if (data === undefined) return undefined
  const id = fields.get('id')
  return { ...(id === undefined ? {} : { id: Number(id) }), event: JSON.parse(data) as ConsoleEvent }
}

function part(text: string): string {
  return encodeURIComponent(text)
}

function query(options: Readonly<Record<string, number | undefined>>): string {
  const pairs = Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]))
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`
}
