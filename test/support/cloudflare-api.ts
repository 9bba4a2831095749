/**
 * Cloudflare's API as the publisher meets it: an HTTP server with its answer shape `{success, errors, messages, result}`,
 * its refusals, and the faults of any network in front of it. It runs on 127.0.0.1; nothing here reaches Cloudflare.
 *
 * Taken from Cloudflare's public documentation of the API (versions and deployments of a worker, "Multipart upload metadata",
 * "Gradual deployments", "Version overrides", "Workers KV: write key-value pairs", "Limits", "Error 429"), and from what
 * wrangler 4.156.2 sends and reads: paths and methods; the part `metadata` with `main_module`, `annotations`
 * (`workers/tag` of at most 25 bytes in older, 100 in newer descriptions; `workers/message` cut at 100) and `keep_bindings`;
 * `deployable=true`, which lists the newest 100 in one page; `{strategy: "percentage", versions}` with at most two versions,
 * 0 % allowed, sum 100; the newest deployment first; 3 MB of script after gzip on the free plan; one write a second of a KV key,
 * else 429; reads elsewhere that are up to a minute old; 1,200 calls in five minutes.
 *
 * Believed: the numbers of error codes, the exact sum of a size, that a list shows an upload within seconds (here 3), and that
 * 429 comes with Retry-After.
 */

import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { type Clock, systemClock } from '#server-kit/clock.ts'

export interface FakeVersion {
  readonly id: string
  readonly number: number
  readonly tag: string | undefined
  readonly message: string | undefined
  readonly modules: ReadonlyMap<string, string>
  readonly metadata: Readonly<Record<string, unknown>>
  readonly listedAt: number
}

export interface FakeShare {
  readonly version_id: string
  readonly percentage: number
}

/** What becomes of one call. `lost`: it has its effect, and its answer is cut off. */
export type ApiFault =
  | { readonly kind: 'none' }
  | { readonly kind: 'status'; readonly status: number; readonly retryAfter?: string }
  | { readonly kind: 'cut' }
  /** It is never answered. */
  | { readonly kind: 'hang' }
  | { readonly kind: 'lost' }

export interface FakeOptions {
  readonly token?: string
  readonly clock?: Clock
  /** Default: none. */
  readonly fault?: (method: string, path: string) => ApiFault
}

const account = '0123456789abcdef0123456789abcdef'
const namespace = 'fedcba9876543210fedcba9876543210'
const script = 'tidegate-edge'
const gzipLimit = 3_000_000
const kvLimitBytes = 25 * 1024 * 1024
const kvGapMs = 1_000
const staleMs = 60_000
const listed = 100
const listedAfterMs = 3_000

export class CloudflareApiFake {
  readonly account = account
  readonly namespace = namespace
  readonly script = script
  readonly token: string
  readonly versions: FakeVersion[] = []
  /** Newest last. */
  readonly deployments: (readonly FakeShare[])[] = []
  readonly calls: string[] = []
  readonly #values = new Map<string, { readonly at: number; readonly value: string }[]>()
  readonly #clock: Clock
  readonly #server = createServer((request, response) => void this.#answer(request, response))
  fault: NonNullable<FakeOptions['fault']>
  /** Undefined: it answers no more. */
  api = ''

  private constructor({ token = 'secret-of-this-test', clock = systemClock, fault = () => fine }: FakeOptions) {
    this.token = token
    this.#clock = clock
    this.fault = fault
  }

  /** With one version deployed at 100 %, as `npm run deploy:edge` leaves it; `{ empty: true }`: with none. */
  static async start(options: FakeOptions & { readonly empty?: boolean } = {}): Promise<CloudflareApiFake> {
    const fake = new CloudflareApiFake(options)
    if (options.empty !== true) fake.deployed(fake.addVersion())
    fake.#server.listen(0, '127.0.0.1')
    await once(fake.#server, 'listening')
    fake.api = `http://127.0.0.1:${(fake.#server.address() as AddressInfo).port}/client/v4`
    return fake
  }

  /** As somebody else's upload. */
  addVersion(message?: string): string {
    return this.#add({ tag: undefined, message, modules: new Map(), metadata: {} }, 0).id
  }

  /** As somebody else's deployment. */
  deployed(id: string): void {
    this.deployments.push([{ version_id: id, percentage: 100 }])
  }

  /** What serves now, as `id percent`, sorted. */
  get serving(): readonly string[] {
    return (this.deployments.at(-1) ?? []).map(({ version_id, percentage }) => `${version_id} ${percentage}`).sort()
  }

  /** Versions that somebody uploaded, by tag. */
  uploadsOf(tag: string): number {
    return this.versions.filter((version) => version.tag === tag).length
  }

  /** Writes of a KV key so far, oldest first. */
  written(key: string): readonly string[] {
    return (this.#values.get(key) ?? []).map(({ value }) => value)
  }

  /** As a colo far away reads it: what was there a minute ago. */
  readElsewhere(key: string): string | undefined {
    const then = this.#clock.now() - staleMs
    return (this.#values.get(key) ?? []).filter(({ at }) => at <= then).at(-1)?.value
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #add(version: Omit<FakeVersion, 'id' | 'number' | 'listedAt'>, listedAt: number): FakeVersion {
    const added = { ...version, id: randomUUID(), number: this.versions.length + 1, listedAt }
    this.versions.push(added)
    return added
  }

  get #listed(): readonly FakeVersion[] {
    const now = this.#clock.now()
    return this.versions
      .filter(({ listedAt }) => listedAt <= now)
      .slice(-listed)
      .reverse()
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = request
    const body = await bodyOf(request)
    this.calls.push(`${method} ${url.replace('/client/v4', '')}`)
    const fault = this.fault(method, url)
    if (fault.kind === 'hang') return
    if (fault.kind === 'cut') return void request.socket.destroy()
    if (fault.kind === 'status') {
      const headers = {
        'content-type': 'application/json',
        ...(fault.retryAfter && { 'retry-after': fault.retryAfter }),
      }
      response.writeHead(fault.status, headers).end(envelope(refused(fault.status, 971, 'Please wait')))
      return
    }
    const answer = await this.#judge(method, url, request.headers, body)
    if (fault.kind === 'lost') return void request.socket.destroy()
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(envelope(answer))
  }

  async #judge(method: string, url: string, headers: IncomingMessage['headers'], body: Buffer): Promise<Judged> {
    if (headers.authorization !== `Bearer ${this.token}`) return refused(403, 10000, 'Authentication error')
    const { pathname, searchParams } = new URL(url, 'http://fake')
    const at = `/client/v4/accounts/${account}`
    const scripts = `${at}/workers/scripts/${script}`
    const values = `${at}/storage/kv/namespaces/${namespace}/values/`
    if (pathname.startsWith(values) && method === 'PUT') {
      return this.#put(decodeURIComponent(pathname.slice(values.length)), body)
    }
    if (pathname === `${scripts}/versions` && this.versions.length === 0) {
      return refused(404, 10007, 'This Worker does not exist on your account.')
    }
    switch (`${method} ${pathname}`) {
      case `GET ${scripts}/versions`:
        if (searchParams.get('deployable') !== 'true') return refused(400, 10001, 'this fake knows no pages')
        return taken({ items: this.#listed.map(toldVersion) })
      case `POST ${scripts}/versions`:
        return this.#upload(headers['content-type'] ?? '', body)
      case `GET ${scripts}/deployments`:
        return taken({
          deployments: this.deployments.toReversed().map((versions) => ({ strategy: 'percentage', versions })),
        })
      case `POST ${scripts}/deployments`:
        return this.#deploy(headers['content-type'] ?? '', body)
      default:
        return refused(404, 7003, `Could not route to ${pathname}`)
    }
  }

  async #upload(contentType: string, body: Buffer): Promise<Judged> {
    if (!/^multipart\/form-data; *boundary=/.test(contentType)) return refused(400, 10021, 'no multipart body')
    const form = await new Response(new Uint8Array(body), { headers: { 'content-type': contentType } }).formData()
    const metadata = recordOf(form.get('metadata'))
    const parts = [...form].filter(([name]) => name !== 'metadata')
    if (metadata === undefined || typeof metadata['compatibility_date'] !== 'string') {
      return refused(400, 10021, 'the part metadata is no object with a compatibility_date')
    }
    if (!parts.some(([name]) => name === metadata['main_module'])) return refused(400, 10021, 'no such main_module')
    const modules = new Map<string, string>()
    for (const [name, part] of parts) {
      if (typeof part === 'string' || part.type !== 'application/javascript+module') {
        return refused(400, 10021, `the part ${name} is no module`)
      }
      modules.set(name, await part.text())
    }
    const size = gzipSync([...modules.values()].join('')).length
    if (size > gzipLimit) return refused(400, 10027, `Your Worker exceeded the size limit of 3 MiB`)
    const annotations = (metadata['annotations'] ?? {}) as Record<string, string>
    const { 'workers/tag': tag, 'workers/message': message } = annotations
    if (Buffer.byteLength(tag ?? '') > 25) return refused(400, 10021, 'workers/tag is too long')
    const listedAt = this.#clock.now() + listedAfterMs
    const version = this.#add({ tag, message: message?.slice(0, 100), modules, metadata }, listedAt)
    return taken({ ...toldVersion(version), startup_time_ms: 7 })
  }

  #deploy(contentType: string, body: Buffer): Judged {
    const value = contentType.startsWith('application/json') ? recordOf(body.toString('utf8')) : undefined
    const versions = value?.['versions'] as readonly FakeShare[] | undefined
    if (value?.['strategy'] !== 'percentage' || !Array.isArray(versions)) return refused(400, 10021, 'no deployment')
    const known = new Set(this.versions.slice(-listed).map(({ id }) => id))
    const ids = new Set(versions.map(({ version_id }) => version_id))
    const legal = versions.every(({ version_id, percentage }) => known.has(version_id) && percentage >= 0)
    if (!legal || ids.size !== versions.length) return refused(400, 10021, 'no such versions')
    if (versions.length > 2) return refused(400, 10021, 'more than two versions')
    const sum = versions.reduce((all, { percentage }) => all + percentage, 0)
    if (sum !== 100) return refused(400, 10021, `the sum is ${sum}`)
    this.deployments.push(versions.map(({ version_id, percentage }) => ({ version_id, percentage })))
    return taken({ id: randomUUID() })
  }

  #put(key: string, body: Buffer): Judged {
    const writes = this.#values.get(key) ?? []
    const now = this.#clock.now()
    if (now - (writes.at(-1)?.at ?? Number.NEGATIVE_INFINITY) < kvGapMs)
      return refused(429, 10048, 'one write a second')
    if (body.length > kvLimitBytes) return refused(413, 10021, 'value is too large')
    this.#values.set(key, [...writes, { at: now, value: body.toString('utf8') }])
    return taken(null)
  }
}

interface Judged {
  readonly status: number
  readonly result: unknown
  readonly error?: { readonly code: number; readonly message: string }
}

const fine: ApiFault = { kind: 'none' }

const taken = (result: unknown): Judged => ({ status: 200, result })

const refused = (status: number, code: number, message: string): Judged => ({
  status,
  result: null,
  error: { code, message },
})

function envelope({ result, error }: Judged): string {
  return JSON.stringify({
    success: error === undefined,
    errors: error === undefined ? [] : [error],
    messages: [],
    result,
  })
}

function toldVersion({ id, number, tag, message }: FakeVersion) {
  return {
    id,
    number,
    metadata: { created_on: '2026-11-22T08:00:00.000000Z', source: 'api' },
    annotations: { ...(tag && { 'workers/tag': tag }), ...(message && { 'workers/message': message }) },
  }
}

function recordOf(text: unknown): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(String(text))
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    // Refused by the caller, as Cloudflare refuses what it cannot read.
    return undefined
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
