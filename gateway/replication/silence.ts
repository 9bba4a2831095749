import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import type { SharedZoneState } from '../store/shared-zone-state.ts'
import { type HeardRow, type ReplicationLedger, silentMs, type WriterRow } from './replication-ledger.ts'

export interface SilenceOptions {
  readonly ledger: ReplicationLedger
  readonly shared: Pick<SharedZoneState, 'raise'>
  /** A stamp above all that this process gave. */
  readonly newStamp: () => bigint
  /** Whether a namespace is read while a site that may invalidate it is not heard. */
  readonly servesAlone: (namespace: string) => boolean
  readonly clock: Clock
  readonly log: Log
  readonly background: Background
}

/** What operators see of one writer. `behind`: it is heard again, and what it wrote meanwhile is not all here. */
export interface KnownWriter {
  readonly site: string
  readonly place: string
  readonly writer: number
  readonly state: 'heard' | 'silent' | 'behind'
  readonly silentMs: number
  /** Invalidations that it had still to tell us. */
  readonly debt: number
}

interface Known {
  readonly row: WriterRow
  /** Monotonic ms. */
  readonly heardAtMs: number
}

const lookEveryMs = 250
/** A writer that is silent for longer is given up: what it may have invalidated until then is, too, ms. */
export const forgetAfterMs = 5 * 60_000

/**
 * Rule J7: what another site may have invalidated is not read here while that site is not heard, nor until what it wrote
 * meanwhile has come.
 */
export class Silence {
  readonly #options: SilenceOptions
  readonly #timer: NodeJS.Timeout
  #known = new Map<string, Known>()
  /** Until then (monotonic ms) every known writer counts as heard; before the ledger was asked nobody can tell. */
  #calmUntilMs = Number.NEGATIVE_INFINITY
  #isInformed = false
  #told = false
  readonly #startedAtMs: number

  constructor(options: SilenceOptions) {
    this.#options = options
    this.#startedAtMs = options.clock.monotonic()
    this.#timer = setInterval(() => this.#look(), lookEveryMs).unref()
  }

  /** Whether values of this namespace may be served now. */
  mayRead(namespace: string): boolean {
    return this.#options.clock.monotonic() <= this.#calmUntilMs || this.#options.servesAlone(namespace)
  }

  /** This process heard it, a moment ago. */
  heard(row: WriterRow): void {
    this.#known.set(nameOf(row), { row, heardAtMs: this.#options.clock.monotonic() })
    this.#judge()
  }

  known(): readonly KnownWriter[] {
    const now = this.#options.clock.monotonic()
    return [...this.#known.values()].map(({ row, heardAtMs }) => ({
      site: row.site,
      place: row.place,
      writer: row.writer,
      state: now - heardAtMs > silentMs ? 'silent' : row.behindMs > 0 ? 'behind' : 'heard',
      silentMs: Math.round(now - heardAtMs),
      debt: row.debt,
    }))
  }

  /** It has said that it ends and owes nothing. */
  async parted(site: string, place: string): Promise<void> {
    await this.#options.ledger.forget(site, place)
    this.#known.delete(`${site}/${place}`)
    this.#judge()
  }

  /**
   * Nobody waits for this writer any more: whatever it may have invalidated is given up first. `failed`: that could not be
   * made durable, and nothing was done.
   */
  async abandon(site: string, place: string): Promise<'abandoned' | 'unknown' | 'failed'> {
    const { ledger, shared, newStamp, log } = this.#options
    const rows = await ledger.all()
    if (rows === undefined) return 'failed'
    if (!rows.some((row) => row.site === site && row.place === place)) return 'unknown'
    const stamp = newStamp()
    if (!(await shared.raise('*', stamp))) return 'failed'
    await this.parted(site, place)
    log.warn(
      { from: site, place, stamp: String(stamp) },
      'a writer of another site was given up, and all values with it',
    )
    return 'abandoned'
  }

  /** Takes over what the processes of this site know. Before the first read, and then four times a second. */
  async refresh(): Promise<void> {
    const rows = await this.#options.ledger.all()
    // What others heard is unknown now: those writers fall silent here, and nobody serves what they may have taken away.
    if (rows === undefined) return
    const now = this.#options.clock.monotonic()
    const known = new Map<string, Known>()
    for (const { ageMs, ...row } of rows) {
      const own = this.#known.get(nameOf(row))
      const told = { row, heardAtMs: now - ageMs }
      known.set(nameOf(row), own !== undefined && own.heardAtMs > told.heardAtMs ? own : told)
    }
    for (const [name, own] of this.#known) {
      // Its first batch is being applied: the ledger hears of it afterwards.
      if (!known.has(name) && now - own.heardAtMs < silentMs / 2) known.set(name, own)
    }
    this.#known = known
    this.#isInformed = true
    this.#judge()
    // Not for what was silent only because nobody listened: what it has to tell comes when it hears that we are back.
    if (now - this.#startedAtMs <= forgetAfterMs) return
    for (const row of rows) if (row.ageMs > forgetAfterMs) await this.abandon(row.site, row.place)
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    this.#options.background.run('look who is heard of the other sites', this.refresh())
    const now = this.#options.clock.monotonic()
    const calm = now <= this.#calmUntilMs
    if (calm !== this.#told) return
    // Nobody can have been heard yet: each restart would be an alarm.
    if (!calm && now - this.#startedAtMs <= silentMs) return
    this.#told = !calm
    const writers = this.known().filter(({ state }) => state !== 'heard')
    if (calm) this.#options.log.info({}, 'every writer of the other sites is heard')
    else
      this.#options.log.warn(
        { writers },
        'writers of another site are not heard: what they may have taken away is not read',
      )
  }

  #judge(): void {
    let calmUntilMs = this.#isInformed ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY
    for (const { row, heardAtMs } of this.#known.values()) {
      calmUntilMs = Math.min(calmUntilMs, row.behindMs > 0 ? Number.NEGATIVE_INFINITY : heardAtMs + silentMs)
    }
    this.#calmUntilMs = calmUntilMs
  }
}

const nameOf = ({ site, place }: Pick<HeardRow, 'site' | 'place'>): string => `${site}/${place}`
