import { hash } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Problem } from '#routes/problem.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Counter } from '#server-kit/metrics.ts'
import { problems } from '../errors.ts'
import type { CacheStore } from '../store/cache-store.ts'
import type { StampClock } from '../store/stamp.ts'
import { type Admitted, admit, bodyLimit } from './admission.ts'
import { answersOf, batchAnswers, batchMediaType, splitLines } from './batch.ts'
import { readsBytes } from './bounded-body.ts'
import { type CacheChange, type CacheCommand, type CacheOp, type CacheRead, verbOf } from './cache-command.ts'
import { invalid } from './cache-fields.ts'
import { cachePrefix, isKnown, type KeyVerb, one, readDelete, readPrepend, readPut } from './cache-request.ts'
import {
  type ChangeAnswer,
  type CommandAnswer,
  CommandRunner,
  noZone,
  type ReadAnswer,
  refused,
} from './command-runner.ts'
import { type HttpAnswer, hitHeaders, httpAnswer } from './http-answer.ts'
import type { Invalidate } from './invalidate.ts'
import { type ItemCommands, unique } from './item-commands.ts'
import { readBody } from './json-command.ts'
import { type AuthenticateCacheClient, type CacheClient, mayUse } from './namespace-access.ts'
import { OnceMarkers } from './once-markers.ts'
import type { Quotas } from './quotas.ts'

export interface CacheRoutesOptions {
  /** The outermost store: what is written here reaches the other sites. */
  readonly store: CacheStore
  /** The zones of this site alone. */
  readonly zones: CacheStore
  readonly items: ItemCommands
  readonly stamps: StampClock
  readonly clock: Clock
  readonly authenticate: AuthenticateCacheClient
  readonly invalidate: Invalidate
  readonly quotas: Quotas
  readonly operations: Counter<'op' | 'result'>
  /** For a read over all zones, ms; default 50. */
  readonly readDeadlineMs?: number
  /** Of a batch of whose answer nothing is read, ms; default 30,000. */
  readonly stalledMs?: number
}

/** The words of `operations`. */
export const operationNames = [...Object.keys(verbOf), 'batch']
export const operationResults = ['done', 'missed', 'refused', 'failed', 'over-quota'] as const
type OperationResult = (typeof operationResults)[number]

type OfKey = Extract<Admitted, { readonly op: CacheOp }>
type OfBatch = Extract<Admitted, { readonly op: 'batch' }>

/** Each holds its whole request, and a value for each line under way. */
const batchesAtOnce = 8
const stalledMs = 30_000
const retryAfterS = 1

/**
 * Fastify plugin: `/cache/v1/{namespace}/{key}` and its verbs, for programs that keep values here. A read never fails: what
 * cannot be read is a 404 with its reason. Needs `installProblemReplies` on its app.
 */
export async function cacheRoutes(app: FastifyInstance, options: CacheRoutesOptions): Promise<void> {
  const routes = new CacheRoutes(options)
  const admissions = new WeakMap<FastifyRequest, Admitted>()
  const admitted = (request: FastifyRequest) => admissions.get(request) as Admitted

  // Before the body: nobody without a credential makes us hold a megabyte.
  app.addHook('onRequest', async (request) => {
    const call = await admit(request, options.authenticate)
    admissions.set(request, call)
    if (call.op !== 'invalidate') routes.spend(call)
  })
  app.addHook('onError', async (_request, reply, error) => {
    if (error instanceof Problem && error.code === 'cache-quota')
      reply.header('retry-after', error.facts['retryAfterS'])
  })
  readsBytes(app, (request) => bodyLimit(admitted(request)))

  app.route({
    method: ['GET', 'HEAD'],
    url: `${cachePrefix}*`,
    handler: (request, reply) => routes.get(request, reply, admitted(request) as OfKey),
  })
  app.put(`${cachePrefix}*`, (request, reply) => {
    const call = admitted(request) as OfKey
    return routes.change(request, reply, call, readPut(call.key, request.headers, bytesOf(request)))
  })
  app.delete(`${cachePrefix}*`, (request, reply) => {
    const call = admitted(request) as OfKey
    return routes.change(request, reply, call, readDelete(call.key, targetOf(request), request.headers))
  })
  app.post(`${cachePrefix}*`, (request, reply) => {
    const call = admitted(request)
    if (call.op === 'invalidate') return options.invalidate(request, call.namespace)
    if (call.op === 'batch') return routes.batch(request, reply, call)
    return routes.change(request, reply, call, commandOf(request, call as OfKey & { readonly op: KeyVerb }))
  })
}

function commandOf(request: FastifyRequest, { op, key }: { readonly op: KeyVerb; readonly key: string }): CacheChange {
  if (op !== 'append') return readBody(op, key, bytesOf(request))
  return { op, key, value: bytesOf(request), at: readPrepend(targetOf(request)) ? 'begin' : 'end' }
}

const targetOf = (request: FastifyRequest): string => request.raw.url ?? ''
const bytesOf = ({ body }: FastifyRequest): Buffer => (Buffer.isBuffer(body) ? body : noBytes)
const noBytes = Buffer.alloc(0)

class CacheRoutes {
  readonly #options: CacheRoutesOptions
  readonly #runner: CommandRunner
  readonly #once: OnceMarkers
  #batches = 0

  constructor(options: CacheRoutesOptions) {
    const { store, zones, items, stamps, clock, readDeadlineMs: deadlineMs = 50 } = options
    this.#options = options
    this.#runner = new CommandRunner({ store, items, stamps, clock, deadlineMs })
    this.#once = new OnceMarkers({ zones, stamps, deadlineMs })
  }

  /** Takes one operation of the client's quota, or throws. */
  spend({ op, client }: OfKey | OfBatch): void {
    const waitS = this.#options.quotas.take(client.client, client.quota)
    if (waitS === 0) return
    this.#count(op, 'over-quota')
    throw problems['cache-quota']({ client: client.client, retryAfterS: waitS })
  }

  async get(request: FastifyRequest, reply: FastifyReply, { namespace, key }: OfKey): Promise<unknown> {
    const answer = await this.#run(namespace, { op: 'get', key })
    if (answer.kind !== 'hit') return send(reply, httpAnswer(answer, request.id))
    reply.headers(hitHeaders(answer.hit, this.#options.clock.now()))
    return isKnown(request.headers, unique(answer.hit)) ? reply.code(304).send() : reply.send(answer.hit.value)
  }

  /** What is not idempotent by itself is done only once, for a client that asks for that. */
  async change(
    request: FastifyRequest,
    reply: FastifyReply,
    { namespace, client }: OfKey,
    command: CacheChange,
  ): Promise<unknown> {
    const work = async () => httpAnswer(await this.#run(namespace, command), request.id)
    const name = command.op === 'incr' || command.op === 'append' ? idempotencyKey(request) : undefined
    return send(reply, name === undefined ? await work() : await this.#atMostOnce(request, client, name, work))
  }

  async batch(request: FastifyRequest, reply: FastifyReply, { namespace, client }: OfBatch): Promise<unknown> {
    const lines = splitLines(bytesOf(request))
    if (this.#batches === batchesAtOnce) throw problems['cache-quota']({ client: client.client, retryAfterS })
    const name = idempotencyKey(request)
    const nowMs = () => this.#options.clock.now()
    const run = (command: CacheCommand, line: number) => this.#runLine(namespace, client, command, line)
    this.#batches++
    reply.raw.once('close', () => void this.#batches--)
    // Whoever does not read leaves its place to others.
    reply.raw.setTimeout(this.#options.stalledMs ?? stalledMs, () => reply.raw.destroy())
    if (name === undefined) return reply.type(batchMediaType).send(batchAnswers(lines, { run, nowMs }))
    const once = (command: CacheCommand, line: number) =>
      command.op === 'get' ? Promise.resolve(refused(noGet())) : run(command, line)
    const work = async () => {
      const answers: string[] = []
      for await (const answer of answersOf(lines, { run: once, nowMs })) answers.push(answer)
      return { status: 200, headers: { 'content-type': batchMediaType }, body: answers.join('') }
    }
    return send(reply, await this.#atMostOnce(request, client, name, work))
  }

  async #runLine(namespace: string, client: CacheClient, command: CacheCommand, line: number): Promise<CommandAnswer> {
    const verb = verbOf[command.op]
    if (!mayUse(client, verb, namespace)) return refused(problems['cache-forbidden']({ verb, namespace }))
    // The first one was spent when the batch was let in.
    if (line > 0 && this.#options.quotas.take(client.client, client.quota) > 0) {
      this.#count(command.op, 'over-quota')
      return refused(problems['cache-quota']({ client: client.client }))
    }
    return this.#run(namespace, command)
  }

  async #atMostOnce(
    request: FastifyRequest,
    { client }: CacheClient,
    name: string,
    work: () => Promise<HttpAnswer>,
  ): Promise<HttpAnswer> {
    const asked = hash('sha256', Buffer.concat([Buffer.from(`${targetOf(request)}\n`), bytesOf(request)]), 'base64url')
    const once = await this.#once.run(hash('sha256', `${client}\n${name}`, 'base64url'), asked, work)
    switch (once.kind) {
      case 'answer':
        return once.answer
      case 'mismatch':
        return httpAnswer(refused(problems['cache-idempotency-mismatch']()), request.id)
      case 'under-way': {
        const because = 'the request with this idempotency-key is being answered, or its gateway died over it'
        const { headers, ...answer } = httpAnswer(refused(problems['cache-write-unavailable']({ because })), request.id)
        return { ...answer, headers: { ...headers, 'retry-after': String(retryAfterS) } }
      }
      case 'failed':
        return httpAnswer(refused(problems['cache-write-unavailable']({ because: noZone })), request.id)
    }
  }

  #run(namespace: string, command: CacheRead): Promise<ReadAnswer>
  #run(namespace: string, command: CacheChange): Promise<ChangeAnswer>
  #run(namespace: string, command: CacheCommand): Promise<CommandAnswer>
  async #run(namespace: string, command: CacheCommand): Promise<CommandAnswer> {
    const answer =
      command.op === 'get' ? await this.#runner.read(namespace, command) : await this.#runner.change(namespace, command)
    this.#count(command.op, resultOf(answer))
    return answer
  }

  #count(op: CacheOp | 'batch', result: OperationResult): void {
    this.#options.operations.inc({ op, result })
  }
}

function resultOf(answer: CommandAnswer): OperationResult {
  if (answer.kind !== 'refused') return 'done'
  if (answer.problem.status === 404) return 'missed'
  return answer.problem.status < 500 ? 'refused' : 'failed'
}

/** Of what is done once alone: a kept answer is small, and a value may be read as often as one likes. */
const noGet = () => invalid('op', 'a batch with an idempotency-key takes no get')

function idempotencyKey(request: FastifyRequest): string | undefined {
  const key = one(request.headers, 'idempotency-key')
  if (key !== undefined && !/^[!-~]{1,255}$/.test(key)) {
    throw invalid('idempotency-key', 'it must be 1 to 255 visible ASCII characters')
  }
  return key
}

const send = (reply: FastifyReply, { status, headers, body }: HttpAnswer): FastifyReply =>
  reply
    .code(status)
    .headers(headers)
    .send(body === '' ? undefined : body)
