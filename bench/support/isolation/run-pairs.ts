import { HeldClock } from '#server-kit/clock.ts'
import { type Random, seededRandom } from '#server-kit/random.ts'
import { type Answer, isStream } from '../../../gateway/answer.ts'
import { Exchange } from '../../../gateway/exchange.ts'
import { exchangeOf } from '../../../test/gateway/exchange.ts'
import { type Identity, identities } from './identities.ts'
import { bodyOf, openIsolatedGateway } from './isolated-gateway.ts'
import { type IsolatedRoute, isolatedRoutes } from './isolated-routes.ts'
import { type Asking, mayShare } from './may-share.ts'
import { type AnswerSpec, etagOf, fieldsOf, randomAnswer } from './random-answer.ts'

export interface PairsOptions {
  readonly seed: number
  readonly pairs: number
  /**
   * What is taken away, for a control. `keyless`: identity is left out of keys. `blind`: who asks was not told to the cache, so
   * that no answer seems to be one to a credential.
   */
  readonly without?: 'keyless' | 'blind'
  /** End at the first finding: a control needs no more. */
  readonly untilFound?: boolean
}

export interface PairsReport {
  /** Two requests of different identities for one URL, in the order in which they came. */
  readonly pairs: number
  readonly requests: number
  /** Answers that had been made for somebody else, by permission: were there none, nothing would be shown. */
  readonly shared: number
  /** Answers that the service was not asked for. */
  readonly reused: number
  readonly found: number
  /** The first few, for whoever looks for the reason. */
  readonly told: readonly string[]
}

/** One URL, what its service answers, and who asks for it. */
interface Case {
  readonly number: number
  readonly at: IsolatedRoute
  readonly path: string
  readonly spec: AnswerSpec
  readonly askings: readonly Question[]
  readonly atOnce: boolean
}

interface Question extends Asking {
  readonly method: 'GET' | 'HEAD'
  /** It has what was made for itself, and asks whether that still holds. */
  readonly conditional: boolean
  readonly control: string | undefined
  /** Time that passes before it comes. */
  readonly afterMs: number
}

export async function runPairs(options: PairsOptions): Promise<PairsReport> {
  const random = seededRandom(options.seed)
  const clock = new HeldClock()
  const routes = routesFor(options.without)
  const cases = new Map<string, Case>()
  let served = 0
  const serve = (x: Exchange): Promise<Answer> => {
    served++
    return answerOf(x, cases.get(x.target), clock)
  }
  await using gateway = await openIsolatedGateway(routes, serve, { clock, random })
  const counts = { pairs: 0, requests: 0, shared: 0, found: 0 }
  const told: string[] = []

  const ask = async (one: Case, question: Question): Promise<void> => {
    clock.advance(question.afterMs)
    const x = exchangeFor(one, question, options.without === 'blind', clock)
    const answer = await gateway.pipeline.answer(x)
    const madeFor = await ownerOf(answer)
    gateway.pipeline.closed(x, answer, 'done')
    if (madeFor === undefined || madeFor === question.identity.name) return
    // An answer of one who asked in other ways may have been meant: any of them permits it.
    const owners = one.askings.filter(({ identity }) => identity.name === madeFor)
    if (owners.some((owner) => mayShare(one.at.cache, one.spec, owner, question))) counts.shared++
    else if (++counts.found <= 5) told.push(describe(one, question, madeFor, answer))
  }

  for (let number = 0; counts.pairs < options.pairs; number++) {
    const one = randomCase(number, routes, random, options.without)
    cases.set(one.path, one)
    if (one.atOnce) await Promise.all(one.askings.map((question) => ask(one, question)))
    else for (const question of one.askings) await ask(one, question)
    counts.requests += one.askings.length
    counts.pairs += pairsOf(one.askings)
    // Refreshes behind the back of clients end before their case is forgotten.
    await new Promise((resolve) => setImmediate(resolve))
    if (gateway.background.running === 0) cases.clear()
    if (options.untilFound && counts.found > 0) break
  }
  return { ...counts, reused: counts.requests - served, told }
}

function routesFor(without: PairsOptions['without']): IsolatedRoute[] {
  if (without === 'keyless') {
    const owned = isolatedRoutes((cache) => ({ ...cache, per: 'everyone' }))
    return owned.filter(({ cache, askers }) => cache.per !== 'everyone' && askers.some(({ caller }) => caller))
  }
  const all = isolatedRoutes()
  return without === 'blind' ? all.filter(({ cache }) => cache.per === 'everyone') : all
}

function randomCase(
  number: number,
  routes: readonly IsolatedRoute[],
  random: Random,
  without: PairsOptions['without'],
): Case {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random.next() * from.length)] as T
  const at = pick(routes)
  const path = `${at.route.pattern.slice(0, -2)}${number}`
  const drawn = randomAnswer(random)
  // A cache that is told of no credential cannot select by it either: that would be another finding.
  const spec = without === 'blind' ? { ...drawn, vary: [] } : drawn
  const few = [pick(at.askers), pick(at.askers), pick(at.askers)]
  const question = (identity: Identity): Question => ({
    identity,
    device: pick([undefined, undefined, 'one', 'two']),
    language: pick([undefined, 'de', 'de, en;q=0.5']),
    method: random.next() < 0.1 ? 'HEAD' : 'GET',
    conditional: random.next() < 0.1,
    control: random.next() < 0.8 ? undefined : pick(['no-cache', 'max-stale', 'max-age=0', 'no-store']),
    afterMs: pick([0, 0, 0, 0, 0, 1_500, 3_000, 70_000]),
  })
  const askings = Array.from({ length: 6 }, () => question(pick(few)))
  return { number, at, path, spec, askings, atOnce: random.next() < 0.3 }
}

function exchangeFor(one: Case, question: Question, blind: boolean, clock: HeldClock): Exchange {
  const { identity, device, language, conditional, control, method } = question
  const headers = blind ? [] : [...identity.headers]
  if (device !== undefined) headers.push('X-Device', device)
  if (language !== undefined) headers.push('Accept-Language', language)
  if (conditional) headers.push('If-None-Match', etagOf(one.spec, identity.name, one.path))
  if (control !== undefined) headers.push('Cache-Control', control)
  const made = exchangeOf(headers, { method, target: one.path })
  const x = new Exchange({ ...made, secure: false }, `${one.number} ${identity.name}`, clock.monotonic())
  x.host = made.host
  if (!blind) {
    x.caller = identity.caller
    x.credential = identity.credential
  }
  return x
}

/** The service: it knows who asks, and tells it in each answer. */
async function answerOf(x: Exchange, one: Case | undefined, clock: HeldClock): Promise<Answer> {
  // Long enough for others to join.
  for (let turn = 0; turn < 20; turn++) await undefined
  const name = x.requestId.slice(x.requestId.indexOf(' ') + 1)
  const gone: Answer = { status: 410, reason: '', headers: ['Cache-Control', 'no-store'], body: Buffer.alloc(0) }
  if (one === undefined || !identities.has(name)) return gone
  const { spec, path } = one
  const text = `${name} made this of ${path}`
  const headers = fieldsOf(spec, name, path, clock.now(), text.length)
  const isHeld = x.header('if-none-match')?.includes(etagOf(spec, name, path))
  if (spec.etag !== undefined && spec.status === 200 && isHeld === true)
    return { status: 304, reason: '', headers, body: undefined }
  const body = x.method === 'HEAD' ? undefined : bodyOf(text)
  return { status: spec.status, reason: '', headers, body }
}

/** For whom an answer was made, by its body where it has one; undefined: by the gateway itself. */
async function ownerOf(answer: Answer): Promise<string | undefined> {
  const text = await textOf(answer)
  if (answer.problem !== undefined) return undefined
  if (text !== '') return text.split(' ')[0]
  const owner = answer.status === 304 ? fieldOf(answer, 'etag')?.slice(1).split('/')[0] : fieldOf(answer, 'x-made-for')
  return owner !== undefined && identities.has(owner) ? owner : undefined
}

function fieldOf({ headers }: Answer, name: string): string | undefined {
  const at = headers.findIndex((field, index) => index % 2 === 0 && field.toLowerCase() === name)
  return at < 0 ? undefined : headers[at + 1]
}

function textOf({ body }: Answer): Promise<string> | string {
  if (!isStream(body)) return body?.toString('latin1') ?? ''
  const { promise, resolve } = Promise.withResolvers<string>()
  let text = ''
  body.flow({
    write: (chunk) => {
      text += chunk.toString('latin1')
      return true
    },
    end: (last) => resolve(text + (last?.toString('latin1') ?? '')),
    fail: () => resolve(''),
  })
  return promise
}

function pairsOf(askings: readonly Asking[]): number {
  let pairs = 0
  for (const [at, { identity }] of askings.entries())
    for (const later of askings.slice(at + 1)) if (later.identity !== identity) pairs++
  return pairs
}

function describe({ path, at, spec, atOnce }: Case, { identity }: Question, madeFor: string, answer: Answer): string {
  const { per, profile } = at.cache
  const status = fieldOf(answer, 'cache-status')
  const said = JSON.stringify({ ...spec, atOnce })
  return `${identity.name} was given what was made for ${madeFor}: ${path} (${profile}, per ${per}) ${said}; ${status}`
}
