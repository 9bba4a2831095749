import { document, record, text } from '#routes/shape.ts'
import { boundedText, innermostWords } from '#server-kit/bounded-text.ts'

/** So many percent of the requests to one version of the script. */
export interface Share {
  readonly versionId: string
  readonly percentage: number
}

export interface ScriptVersion {
  readonly id: string
  readonly tag?: string
  readonly message?: string
  readonly createdAt?: string
}

export interface ScriptModule {
  readonly name: string
  readonly content: string
}

export interface ScriptUpload {
  readonly mainModule: string
  readonly modules: readonly ScriptModule[]
  readonly compatibilityDate: string
  readonly compatibilityFlags: readonly string[]
  readonly tag: string
  readonly message: string
}

/** What came of a call. `later`: whether it had an effect is not known. */
export type Reply<Result> =
  | { readonly kind: 'done'; readonly result: Result }
  | { readonly kind: 'later'; readonly because: string; readonly afterMs?: number }
  | { readonly kind: 'refused'; readonly because: string; readonly missing: boolean }
  | { readonly kind: 'denied'; readonly because: string }

/** PORT: the little of Cloudflare's API that publishing needs, of one account and script. Never rejects. */
export interface CloudflareApi {
  /** Those that can be deployed, newest first. */
  versions(): Promise<Reply<readonly ScriptVersion[]>>
  /** Adds a version that nobody is sent to. */
  upload(script: ScriptUpload): Promise<Reply<{ readonly id: string; readonly startupMs?: number }>>
  /** What serves now; empty before the first deployment. */
  deployment(): Promise<Reply<readonly Share[]>>
  /** At most two versions; their shares add up to 100. */
  deploy(shares: readonly Share[], message: string): Promise<Reply<undefined>>
  putValue(key: string, value: string): Promise<Reply<undefined>>
}

export interface CloudflareSettings {
  readonly api: string
  readonly account: string
  readonly script: string
  readonly kvNamespace: string | undefined
  /** Asked for each call, so that a new token needs no restart. Where it throws, calls are answered `denied`. */
  readonly token: () => string
  /** Ends calls under way when the program ends. */
  readonly stopped: AbortSignal
}

const limitMs = 30_000
const uploadLimitMs = 120_000
/** A hundred versions with their annotations have some hundred KB. */
const answerLimitBytes = 8 * 1024 * 1024
const becauseLimit = 300
const longestWaitMs = 600_000

/** What stays as the version before has it: secrets and variables are the deployer's, and not known here. */
const keptBindings = ['plain_text', 'json', 'secret_text', 'secret_key', 'kv_namespace', 'version_metadata', 'service']

/** The HTTP adapter. One try a call: when the next one is due is the caller's to say. */
export class CloudflareClient implements CloudflareApi {
  readonly #settings: CloudflareSettings

  constructor(settings: CloudflareSettings) {
    this.#settings = settings
  }

  async versions(): Promise<Reply<readonly ScriptVersion[]>> {
    // `deployable`: the newest hundred in one page; older ones can no longer be deployed gradually.
    return mapped(await this.#call('GET', `${this.#script}/versions?deployable=true`), versionsOf)
  }

  async upload(script: ScriptUpload): Promise<Reply<{ id: string; startupMs?: number }>> {
    const form = new FormData()
    const metadata = {
      main_module: script.mainModule,
      compatibility_date: script.compatibilityDate,
      compatibility_flags: script.compatibilityFlags,
      keep_bindings: keptBindings,
      annotations: { 'workers/message': script.message, 'workers/tag': script.tag },
    }
    form.set('metadata', JSON.stringify(metadata))
    for (const { name, content } of script.modules) {
      form.set(name, new File([content], name, { type: 'application/javascript+module' }))
    }
    return mapped(await this.#call('POST', `${this.#script}/versions`, form, uploadLimitMs), (result) => {
      const { id, startup_time_ms: startupMs } = record(result) ?? {}
      if (typeof id !== 'string') return undefined
      return { id, ...(typeof startupMs === 'number' ? { startupMs } : {}) }
    })
  }

  async deployment(): Promise<Reply<readonly Share[]>> {
    return mapped(await this.#call('GET', `${this.#script}/deployments`), (result) => {
      const deployments = record(result)?.['deployments']
      if (!Array.isArray(deployments)) return undefined
      return deployments.length === 0 ? [] : sharesOf(deployments[0])
    })
  }

  async deploy(shares: readonly Share[], message: string): Promise<Reply<undefined>> {
    const body = {
      strategy: 'percentage',
      versions: shares.map(({ versionId, percentage }) => ({ version_id: versionId, percentage })),
      annotations: { 'workers/message': message.slice(0, 100) },
    }
    return withoutResult(await this.#call('POST', `${this.#script}/deployments`, JSON.stringify(body)))
  }

  async putValue(key: string, value: string): Promise<Reply<undefined>> {
    const { account, kvNamespace = '' } = this.#settings
    const path = `/accounts/${account}/storage/kv/namespaces/${kvNamespace}/values/${encodeURIComponent(key)}`
    return withoutResult(await this.#call('PUT', path, new Blob([value])))
  }

  get #script(): string {
    const { account, script } = this.#settings
    return `/accounts/${account}/workers/scripts/${script}`
  }

  async #call(method: string, path: string, body?: string | FormData | Blob, ms = limitMs): Promise<Reply<unknown>> {
    const { api, stopped, token: readToken } = this.#settings
    const token = tokenOf(readToken)
    if (token === undefined) return { kind: 'denied', because: 'the token cannot be read' }
    try {
      const answer = await fetch(api + path, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(typeof body === 'string' ? { 'content-type': 'application/json' } : {}),
        },
        ...(body === undefined ? {} : { body }),
        redirect: 'error',
        signal: AbortSignal.any([AbortSignal.timeout(ms), stopped]),
      })
      return replyOf(answer, await boundedText(answer, answerLimitBytes), token)
    } catch (cause) {
      return { kind: 'later', because: without(token, `it could not be reached: ${innermostWords(cause)}`) }
    }
  }
}

/** Undefined also where the file is missing, or holds what no header can: calls then have nothing to show. */
function tokenOf(read: () => string): string | undefined {
  try {
    const token = read().trim()
    return /^[!-~]+$/.test(token) ? token : undefined
  } catch {
    // Told as `denied`, which stops the channel with an alarm.
    return undefined
  }
}

function replyOf(answer: Response, body: string | undefined, token: string): Reply<unknown> {
  const { status } = answer
  const envelope = body === undefined ? undefined : document(body)
  const because = without(token, `it answered ${status}${errorsOf(envelope)}`)
  if (status === 401 || status === 403) return { kind: 'denied', because }
  if (status === 429 || status >= 500) {
    const afterMs = retryAfterMs(answer.headers.get('retry-after'), Date.parse(answer.headers.get('date') ?? ''))
    return { kind: 'later', because, ...(afterMs === undefined ? {} : { afterMs }) }
  }
  if (!answer.ok) return { kind: 'refused', because, missing: status === 404 }
  // A proxy's page, or half an answer: what was asked for may have happened.
  if (envelope?.['success'] !== true) return { kind: 'later', because: `${because}, which is no answer of the API` }
  return { kind: 'done', result: envelope['result'] ?? null }
}

/** What `read` makes of the result; an answer that it does not understand may have had its effect. */
function mapped<Result extends object>(
  reply: Reply<unknown>,
  read: (result: unknown) => Result | undefined,
): Reply<Result> {
  if (reply.kind !== 'done') return reply
  const result = read(reply.result)
  if (result === undefined) return { kind: 'later', because: 'its answer has another shape than is known' }
  return { kind: 'done', result }
}

function withoutResult(reply: Reply<unknown>): Reply<undefined> {
  return reply.kind === 'done' ? { kind: 'done', result: undefined } : reply
}

function versionsOf(result: unknown): readonly ScriptVersion[] | undefined {
  const items = record(result)?.['items']
  if (!Array.isArray(items)) return undefined
  return items.flatMap((item) => {
    const { id, annotations, metadata } = record(item) ?? {}
    if (typeof id !== 'string') return []
    const tag = text(record(annotations)?.['workers/tag'])
    const message = text(record(annotations)?.['workers/message'])
    const createdAt = text(record(metadata)?.['created_on'])
    return [{ id, ...(tag && { tag }), ...(message && { message }), ...(createdAt && { createdAt }) }]
  })
}

function sharesOf(deployment: unknown): readonly Share[] | undefined {
  const versions = record(deployment)?.['versions']
  if (!Array.isArray(versions)) return undefined
  const shares = versions.flatMap((version) => {
    const { version_id: versionId, percentage } = record(version) ?? {}
    return typeof versionId === 'string' && typeof percentage === 'number' ? [{ versionId, percentage }] : []
  })
  return shares.length === versions.length ? shares : undefined
}

/** Their numbers can be searched for in Cloudflare's documentation. */
function errorsOf(envelope: Readonly<Record<string, unknown>> | undefined): string {
  const errors = envelope?.['errors']
  if (!Array.isArray(errors) || errors.length === 0) return ''
  const told = errors.map((error) => {
    const { code, message } = record(error) ?? {}
    return `${String(code)} ${String(message)}`
  })
  return `: ${told.join('; ').slice(0, becauseLimit)}`
}

/** Seconds, or a date against the server's own clock (RFC 9110 10.2.3); at most 10 minutes. */
function retryAfterMs(value: string | null, now: number): number | undefined {
  if (value === null) return undefined
  const ms = /^\d{1,6}$/.test(value.trim()) ? Number(value) * 1_000 : Date.parse(value) - now
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), longestWaitMs) : undefined
}

/** A server that echoes what it was sent must not bring the token into a log. */
function without(token: string, words: string): string {
  return words.replaceAll(token, '[redacted]')
}
