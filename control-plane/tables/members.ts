import type { CacheDebt, HeldNumbers, Refusal } from '#routes/messages.ts'
import type { Site, TableNumber } from '#routes/vocabulary.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { GatewayEntry } from './gateway-store.ts'

/** joining: not on a table yet. live: connected. leaving: no stream, heard of lately. gone: silent, or it left. */
export type MemberState = 'joining' | 'live' | 'leaving' | 'gone'

export interface Member {
  readonly entry: GatewayEntry
  readonly state: MemberState
  /** Undefined until it says so to this process. */
  readonly held?: HeldNumbers
  readonly heldAt?: number
  readonly refusals: readonly Refusal[]
  readonly heardAt: number
  /** Invalidation debt by its last report. */
  readonly debt?: CacheDebt
}

export interface MemberFacts {
  readonly removed: boolean
  readonly streams: number
  readonly acknowledged: boolean
  /** Since it was last heard, ms. */
  readonly silentMs: number
}

/** Silence after which a process without a stream is taken for gone. */
const goneAfterMs = 5_000

export function memberState({ removed, streams, acknowledged, silentMs }: MemberFacts): MemberState {
  if (removed) return 'gone'
  if (streams > 0) return acknowledged ? 'live' : 'joining'
  if (silentMs > goneAfterMs) return 'gone'
  return acknowledged ? 'leaving' : 'joining'
}

/** Which processes run a number by now, and which do not. */
export interface Acknowledged {
  readonly gateways: readonly { readonly site: Site; readonly instance: string; readonly ackMs: number }[]
  readonly waiting: readonly { readonly site: Site; readonly instance: string; readonly because: string }[]
}

interface Mutable {
  entry: GatewayEntry
  streams: number
  heardAt: number
  held?: HeldNumbers
  heldAt?: number
  refusals: readonly Refusal[]
  debt?: CacheDebt
}

/** The gateway processes as we hear them: what the store says of them, their streams, and what they last told. */
export class Members {
  readonly #clock: Clock
  readonly #members = new Map<string, Mutable>()
  readonly #waits = new Set<() => void>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** From the store at the start: a process that was there counts as heard now, so that a flip waits for its return. */
  load(entries: readonly GatewayEntry[]): void {
    for (const entry of entries) this.put(entry)
  }

  put(entry: GatewayEntry, held?: HeldNumbers): void {
    const member = this.#members.get(keyOf(entry.site, entry.instance))
    const heardAt = this.#clock.now()
    if (member === undefined) {
      this.#members.set(keyOf(entry.site, entry.instance), { entry, streams: 0, heardAt, refusals: [] })
    } else {
      Object.assign(member, { entry, heardAt })
    }
    if (held !== undefined) this.hold(entry.site, entry.instance, held, [])
    this.#wake()
  }

  forget({ site, instance }: GatewayEntry): void {
    this.#members.delete(keyOf(site, instance))
    this.#wake()
  }

  find(site: Site, instance: string): Member | undefined {
    const member = this.#members.get(keyOf(site, instance))
    return member && this.#told(member)
  }

  /** Sorted by site and instance. */
  all(): readonly Member[] {
    return [...this.#members.values()]
      .map((member) => this.#told(member))
      .sort((a, b) => (keyOf(a.entry.site, a.entry.instance) < keyOf(b.entry.site, b.entry.instance) ? -1 : 1))
  }

  heard(site: Site, instance: string, debt: CacheDebt): void {
    const member = this.#members.get(keyOf(site, instance))
    if (member !== undefined) Object.assign(member, { heardAt: this.#clock.now(), debt })
  }

  /** One more stream (`1`), or one less (`-1`). */
  stream(site: Site, instance: string, change: 1 | -1): void {
    const member = this.#members.get(keyOf(site, instance))
    if (member === undefined) return
    member.streams += change
    member.heardAt = this.#clock.now()
    this.#wake()
  }

  /** What it runs, by its own word. */
  hold(site: Site, instance: string, held: HeldNumbers, refusals: readonly Refusal[]): void {
    const member = this.#members.get(keyOf(site, instance))
    if (member === undefined) return
    const now = this.#clock.now()
    Object.assign(member, { held, heldAt: now, heardAt: now, refusals })
    this.#wake()
  }

  /** Resolves when every process that is not gone runs placements `number`, after `limitMs` at the latest. */
  async acknowledged(number: TableNumber, limitMs: number): Promise<Acknowledged> {
    const started = this.#clock.monotonic()
    const ackMs = new Map<Mutable, number>()
    const expected = [...this.#members.values()].filter((member) => this.#stateOf(member) !== 'gone')
    const pending = () => expected.filter((member) => this.#stateOf(member) !== 'gone' && !runs(member, number))
    const look = () => {
      for (const member of expected) {
        if (runs(member, number) && !ackMs.has(member)) ackMs.set(member, Math.round(this.#clock.monotonic() - started))
      }
      return pending().length === 0
    }
    if (!look()) await this.#until(look, limitMs)
    return {
      gateways: [...ackMs].map(([{ entry }, ms]) => ({ site: entry.site, instance: entry.instance, ackMs: ms })),
      waiting: pending().map((member) => ({
        site: member.entry.site,
        instance: member.entry.instance,
        because: becauseOf(member, this.#stateOf(member)),
      })),
    }
  }

  #until(look: () => boolean, limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer)
        this.#waits.delete(wake)
        resolve()
      }
      const wake = () => {
        if (look()) end()
      }
      const timer = setTimeout(end, limitMs)
      this.#waits.add(wake)
    })
  }

  #wake(): void {
    for (const wake of [...this.#waits]) wake()
  }

  #told(member: Mutable): Member {
    const { entry, held, heldAt, refusals, heardAt, debt } = member
    const state = this.#stateOf(member)
    return {
      entry,
      state,
      refusals,
      heardAt,
      ...(held && { held }),
      ...(heldAt === undefined ? {} : { heldAt }),
      ...(debt && { debt }),
    }
  }

  #stateOf(member: Mutable): MemberState {
    return memberState({
      removed: member.entry.removed !== undefined,
      streams: member.streams,
      acknowledged: member.held !== undefined,
      silentMs: this.#clock.now() - member.heardAt,
    })
  }
}

function keyOf(site: Site, instance: string): string {
  return `${site}/${instance}`
}

function runs(member: Mutable, number: TableNumber): boolean {
  return (member.held?.placements.number ?? 0) >= number
}

function becauseOf(member: Mutable, state: MemberState): string {
  const refusal = member.refusals.find(({ kind }) => kind === 'placements')
  if (refusal !== undefined) return `it refused the table: ${refusal.because}`
  if (state === 'live') return 'it has not acknowledged yet'
  return state === 'joining' ? 'it is joining' : 'its stream is closed'
}
