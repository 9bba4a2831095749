import { signCall } from '#routes/call.ts'
import * as headers from '#routes/header-names.ts'
import type { TableOffer, TableOrigin, ToldRefusal } from '#routes/messages.ts'
import * as paths from '#routes/paths.ts'
import type { KeyRing } from '#routes/seal.ts'
import type { EdgeTable } from '#routes/table.ts'
import { type Fetching, platform } from './origin-client.ts'
import { boundedText, offerLimitBytes, parseOffer } from './table-offer.ts'

/** Nobody answered before the deadline, or with something that is no offer. */
export interface Away {
  readonly away: string
}

/** Keeps work going after the answer was given: `ctx.waitUntil` of the request at hand. */
export type WaitUntil = (work: Promise<unknown>) => void

/** Where tables come from. */
export interface TableSource {
  readonly name: TableOrigin
  /**
   * What differs from `held` (nothing: an empty offer), or why there is no usable answer: then the caller keeps what it
   * holds and asks again later. Never rejects. No request of a warm isolate waits for it. `share`: an answer that another
   * isolate got a moment ago will do, and this one is kept for others, after it was given.
   */
  read(held: EdgeTable | undefined, deadline: AbortSignal, share?: WaitUntil): Promise<TableOffer | Away>
  /** What the source itself refused, and how old its own knowledge is; undefined where the source keeps nothing. */
  told?(deadline: AbortSignal): Promise<SourceStatus>
  /** Remembers what an isolate learnt from the first of its sources, for isolates to come. Never rejects. */
  keep?(table: EdgeTable): Promise<unknown>
}

/** `GET /status` of the supervisor's table listener. */
export interface SourceStatus {
  /** Since the last answer of the control plane, ms; undefined = never. */
  readonly ageMs?: number
  readonly refusals: readonly ToldRefusal[]
}

/** The table listener of the supervisor: loopback, opened by a word that changes with each start. */
export function supervisorSource(supervisor: Fetching, token: string): TableSource {
  const authorization = `Bearer ${token}`
  const ask = (target: string, more: Record<string, string>, signal: AbortSignal) =>
    supervisor.fetch(new Request(`http://tables${target}`, { headers: { authorization, ...more }, signal }))
  return {
    name: 'supervisor',
    read: (held, deadline) => readOffer(ask(tableTarget(held), conditional(held), deadline)),
    told: async (deadline) => (await ask('/status', {}, deadline)).json() as Promise<SourceStatus>,
  }
}

export interface ControlPlaneSettings {
  readonly url: string
  readonly ring: KeyRing
  readonly now: () => number
  readonly newId: () => string
  readonly to?: Fetching
}

/** The control plane itself, by signed calls. */
export function controlPlaneSource(settings: ControlPlaneSettings): TableSource {
  const { url, ring, now, newId, to = platform } = settings
  const base = url.replace(/\/+$/, '')
  return {
    name: 'control-plane',
    read: async (held, deadline) => {
      const target = tableTarget(held)
      const call = { method: 'GET', target, body: new Uint8Array(), audience: 'control-plane' }
      const signed = { [headers.call]: await signCall(call, ring, now(), newId()), ...conditional(held) }
      return readOffer(to.fetch(new Request(base + target, { headers: signed, signal: deadline, redirect: 'manual' })))
    },
  }
}

/** What both documents' digests say about a held table: the answer to it is 304 while nothing changed. */
export function tableTag(held: EdgeTable): string {
  return `"${held.structure.digest}.${held.placements.digest}"`
}

export function tableTarget(held: EdgeTable | undefined): string {
  return `${paths.edgeTable}?structure=${held?.structure.number ?? 0}&placements=${held?.placements.number ?? 0}`
}

function conditional(held: EdgeTable | undefined): Record<string, string> {
  return held === undefined ? {} : { 'if-none-match': tableTag(held) }
}

/** Every source gives bytes in the end: at most so many are read, and whatever they are, it is told, never thrown. */
export async function readOffer(
  asked: Promise<Pick<Response, 'status' | 'body'> | undefined>,
): Promise<TableOffer | Away> {
  try {
    const response = await asked
    if (response?.status === 304) return {}
    if (response?.status !== 200) {
      await response?.body?.cancel()
      return { away: `status ${response?.status ?? 'none'}` }
    }
    const text = await boundedText(response, offerLimitBytes)
    if (text === undefined) return { away: 'answer too long' }
    return parseOffer(text) ?? { away: 'no table offer' }
  } catch (cause) {
    return { away: String(cause) }
  }
}

/** Not every source can be told to stop. */
export function awayAfter(deadline: AbortSignal): Promise<Away> {
  return new Promise((resolve) => deadline.addEventListener('abort', () => resolve({ away: 'too late' })))
}
