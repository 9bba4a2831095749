import { setTimeout as wait } from 'node:timers/promises'
import { nowMs, OpenLoop, type Outcome, type Shot } from '../open-loop.ts'
import { type Surroundings, token } from './surroundings.ts'

/** What clients ask: a read and a write that need no token, a read with a known one, a read with one that nobody has. */
export const kinds = ['get', 'post', 'known', 'unknown'] as const
export type Kind = (typeof kinds)[number]
export type PartName = keyof Surroundings['parts']
export type How = 'killed' | 'frozen' | 'black-holed'

/** `200`, or the code of the refusal; `none (why)`: no answer. */
export interface Seen {
  readonly kind: Kind
  readonly said: string
  /** Of the instance that answered. */
  readonly by: string
  /** Since the fault, ms; below 0: before it. */
  readonly atMs: number
}

export interface ScenarioResult {
  readonly part: PartName
  readonly how: How
  readonly before: readonly Seen[]
  readonly during: readonly Seen[]
  readonly after: readonly Seen[]
  /** From the end of the fault to the first sign that all is as before; undefined: none came. */
  readonly recoveredMs: number | undefined
  /** Sends by requests, while it lasted. */
  readonly amplification: number
}

export interface ScenarioOptions {
  readonly perSecond: number
  readonly faultMs: number
  readonly recoveryMs: number
}

interface Asked extends Shot {
  readonly kind: Kind
}

const calmMs = 2_000

/** Lets one part fail under load for a while, and looks on until it is well again. */
export async function runScenario(
  around: Surroundings,
  part: PartName,
  how: How,
  { perSecond, faultMs, recoveryMs }: ScenarioOptions,
): Promise<ScenarioResult> {
  const outcomes: Outcome<Asked>[] = []
  let count = 0
  const load = new OpenLoop<Asked>({
    url: around.gateway.public,
    perSecond,
    next: () => shot(kinds[count % kinds.length] as Kind, count++),
    seen: (outcome) => outcomes.push(outcome),
  }).start()

  await wait(calmMs)
  const sentBefore = count
  const retriesBefore = await retries(around)
  const faultAt = nowMs()
  await breakIt(around, part, how)
  await wait(faultMs)
  const amplification = 1 + ((await retries(around)) - retriesBefore) / (count - sentBefore)
  const mendedAt = nowMs()
  await mendIt(around, part, how)
  const well = async (): Promise<boolean> => {
    const since = outcomes.filter(({ sentAt }) => sentAt > mendedAt)
    if (part === 'redis') return since.some(({ shot: { kind }, status }) => kind === 'known' && status === 200)
    if (part === 'instance') return since.some(({ body }) => body === 'one')
    return around.connected()
  }
  let recoveredMs: number | undefined
  while (recoveredMs === undefined && nowMs() - mendedAt < recoveryMs) {
    await wait(100)
    if (await well()) recoveredMs = nowMs() - mendedAt
  }
  const wellAt = nowMs()
  await wait(calmMs)
  await load.stop()

  const seen = (from: number, to: number) =>
    outcomes.filter(({ sentAt }) => sentAt >= from && sentAt < to).map((outcome) => seenOf(outcome, faultAt))
  return {
    part,
    how,
    before: seen(0, faultAt),
    during: seen(faultAt, mendedAt),
    after: seen(wellAt, Number.POSITIVE_INFINITY),
    recoveredMs,
    amplification,
  }
}

async function breakIt(around: Surroundings, name: PartName, how: How): Promise<void> {
  const { process, proxy } = around.parts[name]
  if (how === 'killed') await process().stop('SIGKILL')
  else if (how === 'frozen') process().signal('SIGSTOP')
  else await proxy.set({ kind: 'black-hole' })
}

async function mendIt(around: Surroundings, name: PartName, how: How): Promise<void> {
  const part = around.parts[name]
  if (how === 'killed') await part.start()
  else if (how === 'frozen') part.process().signal('SIGCONT')
  else await part.proxy.set({ kind: 'none' })
}

function shot(kind: Kind, number: number): Asked {
  const host = { host: 'api.example.com' }
  switch (kind) {
    case 'get':
      return { kind, method: 'GET', path: `/p/${number}`, headers: host }
    case 'post':
      return { kind, method: 'POST', path: `/p/${number}`, headers: host, body: 'written once' }
    case 'known':
      return { kind, method: 'GET', path: `/v1/${number}`, headers: { ...host, authorization: `Bearer ${token}` } }
    case 'unknown':
      return { kind, method: 'GET', path: `/v1/${number}`, headers: { ...host, authorization: 'Bearer nobodys' } }
  }
}

function seenOf({ shot: { kind }, status, body, sentAt, error = '' }: Outcome<Asked>, faultAt: number): Seen {
  const code = /"type":"urn:tidegate:problem:([a-z-]+)"/.exec(body)?.[1]
  const said = status === 0 ? `none (${error})` : status === 200 ? '200' : `${status} ${code ?? ''}`.trim()
  return { kind, said, by: status === 200 ? body : '', atMs: sentAt - faultAt }
}

async function retries({ gateway }: Surroundings): Promise<number> {
  const text = await (await gateway.ask('/metrics')).text()
  return Number(/^tidegate_upstream_retries_total (\d+)/m.exec(text)?.[1] ?? 0)
}
