/** Runs cases through a server, many at once, and says of each what was wrong. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Case, Profile, RouteName, Step, Wanted } from './case.ts'
import { ask, type RawAnswer } from './raw-answer.ts'
import { Script, type ScriptedOrigin } from './scripted-origin.ts'
import { fieldFault, valuesOf, written } from './wire-lines.ts'

/** A server that stands before the scripted origin. */
export interface Front extends AsyncDisposable {
  readonly port: number
  /** Ours: Cache-Status is looked at, and purges are understood. */
  readonly purge?: (words: object) => Promise<void>
}

export interface Judged {
  readonly one: Case
  readonly profile: Profile
  /** Undefined = as it must be. */
  readonly fault: string | undefined
  /** It needed another, calmer try. */
  readonly again: boolean
}

const host = 'api.example.com'
/** An answer does not wait for its own storing, so a client that comes at once may be too early. */
const pauseMs = 200
/** Most of a case is pause: many cases at once, and few requests, or a store on a small machine would miss its deadlines. */
const casesAtOnce = 300
const requestsAtOnce = 8
const backgroundMs = 4_000
/** An answer is stored so soon after its end. */
const storingMs = 25

/**
 * What failed is tried again with fewer beside it: with longer pauses, for what is stored late, and with short ones, for what
 * holds for a second only.
 */
const calmer = [
  { casesAtOnce: 16, pauseMs: 800 },
  { casesAtOnce: 4, pauseMs: 1_500 },
  { casesAtOnce: 2, pauseMs: 200 },
  { casesAtOnce: 1, pauseMs: 400 },
]

/**
 * Each case on a path of its own. Times of a loaded machine are no fault of the server, so what fails is tried again, at most
 * `tries` times in all; what is wrong stays wrong. `run` keeps two runs of the same cases apart.
 */
export async function runCases(
  front: Front,
  origin: ScriptedOrigin,
  cases: readonly Case[],
  profile: Profile,
  { run = '', tries = 1 + calmer.length }: { readonly run?: string; readonly tries?: number } = {},
): Promise<Judged[]> {
  let judged = await runOnce(front, origin, cases, profile, run)
  for (const [time, calm] of calmer.slice(0, tries - 1).entries())
    judged = await inParallel(judged, calm.casesAtOnce, async (before, at) => {
      if (before.fault === undefined) return before
      const next = await runCase(front, origin, before.one, profile, `${at}${run}-again${time}`, calm.pauseMs)
      return { ...next, again: next.fault === undefined }
    })
  return judged
}

/** The same without a second try. */
export async function runOnce(
  front: Front,
  origin: ScriptedOrigin,
  cases: readonly Case[],
  profile: Profile,
  run = '',
): Promise<Judged[]> {
  const judge = (one: Case, at: string) => runCase(front, origin, one, profile, at, pauseMs)
  const [first] = cases
  if (first === undefined) return []
  // An empty store learns by its first answer since when it knows of purges: what was fetched earlier it does not believe.
  await judge(first, `opening${run}`)
  return inParallel(cases, casesAtOnce, (one, at) => judge(one, `${at}${run}`))
}

async function runCase(
  front: Front,
  origin: ScriptedOrigin,
  one: Case,
  profile: Profile,
  run: string,
  stepPauseMs: number,
): Promise<Judged> {
  const steps = (profile === 'api' ? one.api?.steps : undefined) ?? one.steps
  const slug = `${one.id.toLowerCase()}-${run}`
  const script = new Script(`/${profile}/${one.route}/${slug}`, host)
  origin.add(script)
  let fault: string | undefined
  try {
    for (const [at, step] of steps.entries()) {
      const before = script.received(at - 1).length
      if (at > 0) await pause(stepPauseMs + (step.afterS ?? 0) * 1000)
      if (script.received(at - 1).length > before) {
        fault = `step ${at - 1}: the service was asked once more afterwards`
        break
      }
      const found = await runStep(front, script, at, step, { profile, slug })
      if (found === undefined) continue
      fault = `step ${at}: ${found}`
      break
    }
  } catch (cause) {
    fault = cause instanceof Error ? cause.message : String(cause)
  }
  origin.remove(script)
  return { one, profile, fault, again: false }
}

async function runStep(
  front: Front,
  script: Script,
  at: number,
  step: Step,
  { profile, slug }: { profile: Profile; slug: string },
): Promise<string | undefined> {
  const { method = 'GET', send: lines = [], want = {}, times = 1, purge } = step
  const all = step.reply === undefined ? [] : Array.isArray(step.reply) ? step.reply : [step.reply]
  script.begin(at, all)
  if (purge !== undefined) {
    const words = JSON.parse(written([JSON.stringify(purge)], 0, script)[0] ?? '{}') as object
    await alone(async () => front.purge?.(words))
    return undefined
  }
  const path = step.route === undefined ? script.path : `/${profile}/${step.route satisfies RouteName}/${slug}`
  const text = requestText(
    method,
    path + (written([step.at ?? ''], 0, script)[0] ?? ''),
    written(lines, Date.now(), script),
    step.body,
  )
  const send = () => Promise.all(Array.from({ length: times }, () => ask(front.port, text, method)))
  const answers = await (safeMethods.has(method) ? inTurn(times, send) : alone(send))
  const asked = want.asked ?? (want.from === undefined ? times : 0)
  const until = performance.now() + backgroundMs
  // A refresh behind an answer comes a moment later.
  while (script.received(at).length < asked && performance.now() < until) await pause(10)
  const count = script.received(at).length
  if (count !== asked) return `the service was asked ${count} times and not ${asked}; ${told(answers[0])}`
  for (const answer of answers) {
    const fault = answerFault(answer, script, at, want, method, front.purge !== undefined)
    if (fault !== undefined) return `${fault}; ${told(answer)}`
  }
  return sentFault(script, at, want)
}

function requestText(method: string, target: string, lines: readonly string[], body: string | undefined): string {
  const all = lines.some((line) => /^host:/i.test(line)) ? [...lines] : [`Host: ${host}`, ...lines]
  if (body !== undefined) all.push(`Content-Length: ${body.length}`)
  return `${method} ${target} HTTP/1.1\r\n${all.map((line) => `${line}\r\n`).join('')}\r\n${body ?? ''}`
}

function answerFault(
  answer: RawAnswer,
  script: Script,
  at: number,
  want: Wanted,
  method: string,
  ours: boolean,
): string | undefined {
  const from = want.from ?? at
  const source = script.sent(from)
  const statuses = [want.status ?? source?.status].flat()
  const { status } = answer
  if (!statuses.includes(status)) return `the status is ${status} and not ${statuses.join(' or ')}`
  if (answer.broken !== (want.broken === true))
    return answer.broken ? 'the answer broke off' : 'the answer did not break off'
  const bare = method === 'HEAD' || status === 304 || status === 204 || want.broken === true
  // Another status than the reply's has a body of the server's own.
  const body = want.body ?? (status === source?.status ? source?.body : undefined)
  if (!bare && want.anyBody !== true && body !== undefined && answer.body !== body)
    return `the body is ${JSON.stringify(answer.body.slice(0, 80))} and not ${JSON.stringify(body.slice(0, 80))}`
  for (const [name, wanted] of Object.entries(want.fields ?? {})) {
    const fault = fieldFault(
      answer.fields,
      name,
      typeof wanted === 'string' ? (written([wanted], 0, script)[0] ?? '') : wanted,
    )
    if (fault !== undefined) return fault
  }
  for (const name of want.same ?? []) {
    const fault = fieldFault(answer.fields, name, valuesOf(source?.fields ?? [], name))
    if (fault !== undefined) return fault
  }
  if (want.age !== undefined) {
    const ages = valuesOf(answer.fields, 'age')
    const [least, most] = want.age
    if (ages.length !== 1 || !/^\d+$/.test(ages[0] ?? '')) return `Age is ${JSON.stringify(ages)}`
    if (Number(ages[0]) < least || Number(ages[0]) > most) return `Age is ${ages[0]} and not ${least}..${most}`
  }
  if (want.interim !== undefined && answer.interim.map((one) => one.status).join() !== want.interim.join())
    return `interim answers are ${JSON.stringify(answer.interim)}`
  if (ours && want.says !== undefined) {
    const member =
      valuesOf(answer.fields, 'cache-status')
        .join(', ')
        .match(/tidegate-onprem.*$/)?.[0] ?? ''
    if (!want.says.test(member)) return `Cache-Status says ${JSON.stringify(member)} and not ${want.says}`
  }
  return undefined
}

function sentFault(script: Script, at: number, want: Wanted): string | undefined {
  const last = script.received(at).at(-1)
  for (const [name, wanted] of Object.entries(want.sent ?? {})) {
    const fault = fieldFault(last?.fields ?? [], name, wanted)
    if (fault !== undefined) return `the service was sent: ${fault}`
  }
  if (want.sentLine !== undefined && !want.sentLine.test(last?.line ?? ''))
    return `the service was asked ${JSON.stringify(last?.line)} and not ${want.sentLine}`
  return undefined
}

function told(answer: RawAnswer | undefined): string {
  if (answer === undefined) return 'no answer'
  const status = valuesOf(answer.fields, 'cache-status').join(', ')
  return `${answer.status} ${JSON.stringify(answer.body.slice(0, 60))}${status === '' ? '' : ` [${status}]`}`
}

async function inParallel<T, R>(
  all: readonly T[],
  places: number,
  run: (one: T, at: number) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(all.length)
  let next = 0
  const worker = async (): Promise<void> => {
    for (let at = next++; at < all.length; at = next++) results[at] = await run(all[at] as T, at)
  }
  await Promise.all(Array.from({ length: Math.min(places, all.length) }, worker))
  return results
}

let free = requestsAtOnce
const waiting: { readonly count: number; readonly go: () => void }[] = []

/** Runs when so many places are free, in the order of asking. */
async function inTurn<R>(count: number, run: () => Promise<R>): Promise<R> {
  if (waiting.length > 0 || free < count) await new Promise<void>((go) => waiting.push({ count, go }))
  else free -= count
  try {
    return await run()
  } finally {
    free += count
    for (let next = waiting[0]; next !== undefined && next.count <= free; next = waiting[0]) {
      waiting.shift()
      free -= next.count
      next.go()
    }
  }
}

const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * An invalidation, of whatever resource, makes a store disbelieve answers that are fetched at that time and whose tags it never
 * saw: such a step goes alone, and a moment after the others, or one case would spoil another.
 */
function alone<R>(run: () => Promise<R>): Promise<R> {
  return inTurn(requestsAtOnce, async () => {
    await pause(storingMs)
    return run()
  })
}
