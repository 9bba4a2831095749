import { signCall } from '#routes/call.ts'
import { type EdgeStatus, type GatewayStatus, type HeldNumbers, headers, paths } from '#routes/messages.ts'
import { decodePlacements } from '#routes/placements-codec.ts'
import { checkSeal, digestOf, type KeyRing, type SealedDocument, type TrustedKeys } from '#routes/seal.ts'
import { document, record } from '#routes/shape.ts'
import { decodeStructure } from '#routes/structure-codec.ts'
import type { Held } from '#routes/table.ts'
import { boundedText, innermostWords } from '#server-kit/bounded-text.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Random } from '#server-kit/random.ts'
import type { FleetEvidence } from './recover.ts'

/** A program that is asked, and what it is called in messages. */
export interface GatewayAddress {
  readonly site: string
  readonly url: string
}

export interface EdgeAddress {
  readonly name: string
  readonly url: string
}

export type Asked<Status> =
  | { readonly ok: true; readonly name: string; readonly status: Status }
  | { readonly ok: false; readonly name: string; readonly because: string }

/** Looked at for each call: a ring may be renewed while we run. */
interface Rings {
  readonly 'control-gateway': KeyRing
  readonly 'edge-control': KeyRing
}

/** So short that a fleet that is half away does not keep changes waiting for a second. */
const limitMs = 800
/** Two documents at their hard limits, in JSON. */
const limitBytes = 48 * 1024 * 1024

/** Asks programs what they run, signed; every failure is an answer. */
export class FleetAsker {
  readonly #rings: Rings
  readonly #clock: Clock
  readonly #random: Random

  constructor(rings: Rings, clock: Clock, random: Random) {
    this.#rings = rings
    this.#clock = clock
    this.#random = random
  }

  gateway({ site, url }: GatewayAddress, documents: boolean): Promise<Asked<GatewayStatus>> {
    const target = documents ? `${paths.gatewayStatus}?documents=1` : paths.gatewayStatus
    return this.#get(`${site} at ${url}`, url, target, `gateway:${site}`, this.#rings['control-gateway'])
  }

  edge({ name, url }: EdgeAddress): Promise<Asked<EdgeStatus>> {
    return this.#get(name, url, `${paths.edge}/status`, 'edge', this.#rings['edge-control'])
  }

  async #get<Status>(
    name: string,
    base: string,
    target: string,
    audience: string,
    ring: KeyRing,
  ): Promise<Asked<Status>> {
    try {
      const call = { method: 'GET', target, body: new Uint8Array(), audience }
      const signature = await signCall(call, ring, this.#clock.now(), this.#random.id())
      const signal = AbortSignal.timeout(limitMs)
      const answer = await fetch(new URL(target, base), {
        headers: { [headers.call]: signature },
        redirect: 'error',
        signal,
      })
      if (!answer.ok) {
        await answer.body?.cancel()
        return { ok: false, name, because: `it answered ${answer.status}` }
      }
      const text = await boundedText(answer, limitBytes)
      if (text === undefined) return { ok: false, name, because: `it answered more than ${limitBytes} bytes` }
      const status = document(text)
      if (status === undefined) return { ok: false, name, because: 'its answer is no status' }
      return { ok: true, name, status: status as Status }
    } catch (cause) {
      return { ok: false, name, because: innermostWords(cause) }
    }
  }
}

/** What answers prove: documents only with our own signature on them. Shapes are checked here, as answers come from afar. */
export async function evidenceOf(
  gateways: readonly GatewayStatus[],
  edges: readonly EdgeStatus[],
  trusted: TrustedKeys,
): Promise<FleetEvidence> {
  const held = [...gateways, ...edges].flatMap(({ held }) => (record(held) && held && plausible(held) ? [held] : []))
  const documents = gateways.flatMap(({ documents }) => (record(documents) && documents ? [documents] : []))
  return {
    held,
    structures: await verified(
      documents.map(({ structure }) => structure),
      'structure',
      trusted,
      decodeStructure,
    ),
    placements: await verified(
      documents.map(({ placements }) => placements),
      'placements',
      trusted,
      decodePlacements,
    ),
  }
}

/** No control plane counts so far; above it there is room to go on, whoever made a program say that it holds this much. */
const highestNumber = 2 ** 48

/** Whether a control plane may have given these numbers out: it goes on above the highest, and never comes down again. */
export function plausible(held: HeldNumbers): boolean {
  const numbers = [held.structure?.number, held.placements?.number, ...Object.values(held.epochs ?? {})]
  return numbers.every((number) => Number.isSafeInteger(number) && number >= 0 && number <= highestNumber)
}

async function verified<Value extends { readonly number: number }>(
  documents: readonly (SealedDocument | undefined)[],
  kind: 'structure' | 'placements',
  trusted: TrustedKeys,
  decode: (body: string) => Value | undefined,
): Promise<readonly Held<Value>[]> {
  const byBody = new Map(
    documents.flatMap((sealed) => (typeof sealed?.body === 'string' ? [[sealed.body, sealed]] : [])),
  )
  const found: Held<Value>[] = []
  for (const sealed of byBody.values()) {
    if (sealed.kind !== kind || (await checkSeal(sealed, trusted)) !== 'valid') continue
    const value = decode(sealed.body)
    if (value !== undefined) found.push({ number: value.number, digest: await digestOf(sealed.body), value, sealed })
  }
  return found
}
