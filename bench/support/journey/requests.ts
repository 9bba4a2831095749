/** What the users of the journey ask for, and what each answer must be. */
import type { Random } from '../../../test/properties/generators/random.ts'
import type { Outcome, Shot } from '../open-loop.ts'
import type { User } from './users.ts'

export interface Request extends Shot {
  readonly user: User
  readonly unit: string
  /** What the unit's buckets are made of; undefined = it is not split in the journey. */
  readonly key?: string
  /** The catalog lets gateways answer it from their cache. */
  readonly cacheable: boolean
  readonly writeId?: string
}

/** An answer as its user judges it. */
export interface Seen {
  readonly request: Request
  readonly sentAt: number
  readonly answeredAt: number
  readonly status: number
  readonly requestId: string
  /** Who executed it; undefined for an answer from a cache, which names who executed it once. */
  readonly site?: string
  readonly hit: boolean
  /** Its connection broke, and it was sent once more. */
  readonly again: boolean
  /** Why its user would complain. */
  readonly fault?: string
}

export function listOrders(user: User): Request {
  return { ...get(user, '/v1/orders'), unit: 'orders', key: user.device, cacheable: false }
}

export function order(user: User, id: string): Request {
  return { ...get(user, `/v1/orders/${id}`), unit: 'orders', key: user.device, cacheable: true }
}

export function product(user: User, id: string): Request {
  return { ...get(user, `/v1/products/${id}`), unit: 'products', cacheable: true }
}

export function placeOrder(user: User, writeId: string): Request {
  return { ...post(user, '/v1/orders', writeId), unit: 'orders', key: user.device }
}

export function cart(user: User): Request {
  return { ...get(user, `/v1/carts/${user.cart}`), unit: 'carts', key: user.cart, cacheable: false }
}

export function addToCart(user: User, writeId: string): Request {
  return { ...post(user, `/v1/carts/${user.cart}/items`, writeId), unit: 'carts', key: user.cart }
}

/** One user after another asks for something by chance: three reads to one write, as shops see it. */
export function mixed(users: readonly User[], random: Random, run: string): () => Request {
  let count = 0
  return () => {
    const user = users[count++ % users.length] as User
    const chance = random.below(100)
    if (chance < 30) return listOrders(user)
    if (chance < 45) return order(user, `o${random.below(3)}`)
    if (chance < 60) return product(user, `p${random.below(20)}`)
    if (chance < 75) return cart(user)
    if (chance < 90) return placeOrder(user, `${run}-${count}`)
    return addToCart(user, `${run}-${count}`)
  }
}

interface SampleAnswer {
  readonly site?: unknown
  readonly consumer?: unknown
  readonly writeId?: unknown
}

/** A wrong status, no answer, another one's answer, or an answer to another write: each is a failed request. */
export function judge({ shot, sentAt, answeredAt, status, headers, body, error, again }: Outcome<Request>): Seen {
  const hit = String(headers['cache-status'] ?? '').includes('; hit')
  const answer = jsonOf(body)
  const fault = error ?? faultOf(shot, status, answer, body)
  return {
    request: shot,
    sentAt,
    answeredAt,
    status,
    requestId: String(headers['x-request-id'] ?? ''),
    hit,
    again: again === true,
    ...(hit || typeof answer?.site !== 'string' ? {} : { site: answer.site }),
    ...(fault === undefined ? {} : { fault }),
  }
}

function faultOf(shot: Request, status: number, answer: SampleAnswer | undefined, body: string): string | undefined {
  const wanted = shot.method === 'POST' ? 201 : 200
  if (status !== wanted) return `${status} instead of ${wanted}: ${body.slice(0, 200)}`
  if (answer === undefined) return `no JSON: ${body.slice(0, 200)}`
  if (shot.unit !== 'products' && answer.consumer !== shot.user.name) return `the answer of ${String(answer.consumer)}`
  if (shot.writeId !== undefined && answer.writeId !== shot.writeId) return `the answer to ${String(answer.writeId)}`
  return undefined
}

function get(user: User, path: string) {
  return { user, method: 'GET', path, headers: headersOf(user) }
}

function post(user: User, path: string, writeId: string) {
  const headers = { ...headersOf(user), 'content-type': 'application/json', 'x-write-id': writeId }
  return { user, method: 'POST', path, headers, body: JSON.stringify({ writeId }), writeId, cacheable: false }
}

/** The edge is reached by its address, which the example's host has as an alias. */
function headersOf({ token, device }: User): Record<string, string> {
  return { authorization: `Bearer ${token}`, 'x-device-id': device }
}

function jsonOf(body: string): SampleAnswer | undefined {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    // `faultOf` says what came instead.
    return undefined
  }
}
