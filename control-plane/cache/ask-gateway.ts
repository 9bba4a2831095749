import { signCall } from '#routes/call.ts'
import type { CacheInvalidated, CacheInvalidation } from '#routes/gateway-answers.ts'
import { headers } from '#routes/messages.ts'
import type { KeyRing } from '#routes/seal.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Random } from '#server-kit/random.ts'

/** What one gateway process made of an invalidation. */
export type GatewayVerdict =
  | { readonly kind: 'applied'; readonly answer: CacheInvalidated }
  /** Its site has no zone: nothing is cached there. */
  | { readonly kind: 'no-cache' }
  /** The words cannot be followed, by this process or any other. */
  | { readonly kind: 'refused'; readonly because: string }
  /** Nobody knows what became of it: another process may be asked the same, which changes nothing when it is done twice. */
  | { readonly kind: 'failed'; readonly because: string }

export interface GatewayAskerOptions {
  readonly ring: KeyRing
  readonly clock: Clock
  readonly random: Random
}

/** For one process, ms: a store with a zone that hangs answers within it. */
const limitMs = 5_000
const answerLimitBytes = 64 * 1024

/** Asks one process, signed. Never rejects. */
export async function askToInvalidate(
  { site, url }: { readonly site: string; readonly url: string },
  namespace: string,
  words: CacheInvalidation,
  { ring, clock, random }: GatewayAskerOptions,
): Promise<GatewayVerdict> {
  const target = `/cache/v1/${namespace}:invalidate`
  const body = new TextEncoder().encode(JSON.stringify(words))
  try {
    const call = { method: 'POST', target, body, audience: `gateway:${site}` }
    const answer = await fetch(new URL(target, url), {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        [headers.call]: await signCall(call, ring, clock.now(), random.id()),
      },
      body,
      redirect: 'error',
      signal: AbortSignal.timeout(limitMs),
    })
    return verdictOf(answer.status, await readJson(answer))
  } catch (cause) {
    return { kind: 'failed', because: reasonOf(cause) }
  }
}

/** What an answer says; shapes are checked here, as answers come from afar. */
export function verdictOf(status: number, body: unknown): GatewayVerdict {
  const said: Record<string, unknown> = typeof body === 'object' && body !== null ? { ...body } : {}
  if (status === 200)
    return isInvalidated(said)
      ? { kind: 'applied', answer: said }
      : { kind: 'failed', because: 'its answer is not as described' }
  if (said['code'] === 'endpoint-unknown') return { kind: 'no-cache' }
  const because = typeof said['detail'] === 'string' ? said['detail'] : `it answered ${status}`
  const isRefusal = status === 400 || status === 413 || status === 422
  return { kind: isRefusal ? 'refused' : 'failed', because }
}

function isInvalidated(said: Record<string, unknown>): said is Record<string, unknown> & CacheInvalidated {
  const { stamp, words, sites } = said
  const isRecord = (value: unknown) => typeof value === 'object' && value !== null
  return typeof stamp === 'string' && isRecord(words) && isRecord(sites)
}

async function readJson(answer: Response): Promise<unknown> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of answer.body ?? []) {
    text += decoder.decode(chunk, { stream: true })
    if (text.length > answerLimitBytes) return undefined
  }
  try {
    return JSON.parse(text)
  } catch {
    // The status alone tells it then.
    return undefined
  }
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  if (cause.name === 'TimeoutError') return `no answer in ${limitMs} ms`
  // `fetch` says only "fetch failed"; what the socket said stands underneath.
  const beneath = cause.cause instanceof Error ? cause.cause : cause
  return (beneath as NodeJS.ErrnoException).code ?? beneath.message
}
