import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import type { Random } from '#server-kit/random.ts'
import { problems } from '../errors.ts'
import { FileJournal } from './file-journal.ts'
import type { Journal } from './journal.ts'
import type { JournalFiles } from './journal-files.ts'
import { type JournalLimits, openParts } from './journal-parts.ts'
import { nodeJournalFiles } from './node-journal-files.ts'
import { lockSlot } from './slot-lock.ts'
import { timeSyncs } from './time-syncs.ts'

export interface JournalsOptions {
  /** `cache-journal` in the home folder: a slot for each process that ever ran there at the same time. */
  readonly folder: string
  readonly site: string
  readonly limits: JournalLimits
  readonly files?: JournalFiles
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly background: Background
}

export interface Journals {
  /** Of this process. */
  readonly own: Journal
  /** Of processes that ended and left something behind: theirs to tell is ours now, until each is retired. */
  readonly adopted: readonly Journal[]
  /** Called for each that is adopted later. */
  onAdopted(listener: (journal: Journal) => void): () => void
  /** Closes them all; what they still have to tell stays on the disk. */
  close(): Promise<void>
}

const slotLimit = 64
const lookEveryMs = 1000

/** Claims a slot for this process. Rejects with `cache-journal-unusable` when none is free or the disk does not work. */
export async function openJournals(options: JournalsOptions): Promise<Journals> {
  const { folder, files = nodeJournalFiles, log, background, clock } = options
  try {
    await files.makeFolder(folder)
    for (let slot = 0; slot < slotLimit; slot++) {
      const own = await claim(options, slot, { used: false, onEnd: () => undefined })
      if (own === undefined) continue
      background.run('time the disk of the cache journal', () =>
        timeSyncs(files, `${folder}/${slotName(slot)}`, clock, log),
      )
      return new SlotJournals(options, own, slot)
    }
  } catch (cause) {
    throw problems['cache-journal-unusable']({ folder, because: reasonOf(cause), cause })
  }
  throw problems['cache-journal-unusable']({ folder, because: `all of its ${slotLimit} slots are taken` })
}

const slotForm = /^slot-(\d{1,2})$/
const slotName = (slot: number): string => `slot-${slot}`
const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** A slot that is ours, until its journal is closed or retired. */
interface Claimed {
  readonly journal: FileJournal
}

interface ClaimHow {
  /** Only a slot in which something was left behind. */
  readonly used: boolean
  readonly onEnd: () => void
}

/** Undefined: a live process has it, or it is not what is looked for. */
async function claim(options: JournalsOptions, slot: number, { used, onEnd }: ClaimHow): Promise<Claimed | undefined> {
  const { files = nodeJournalFiles, limits, clock, random, background } = options
  const folder = `${options.folder}/${slotName(slot)}`
  await files.makeFolder(folder)
  const lock = lockSlot(`${folder}/lock`)
  if (lock === undefined) return undefined
  try {
    // Looked at under the lock: whoever had it a moment ago may have retired.
    if (used && !(await files.list(folder)).includes('state')) {
      lock.release()
      return undefined
    }
    const log = options.log.child({ slot })
    const startedAt = clock.monotonic()
    const parts = await openParts({ folder, place: placeOf(options.folder, slot), limits, files, clock, random, log })
    const { lost } = parts.identity
    const facts = { head: parts.head, lost, ms: Math.round(clock.monotonic() - startedAt) }
    if (lost) log.error(facts, 'the cache journal was damaged: every site starts anew, cold')
    else log.info(facts, 'the cache journal is open')
    const release = (): void => {
      lock.release()
      onEnd()
    }
    return { journal: new FileJournal({ parts, clock, log, background, onEnd: release }) }
  } catch (cause) {
    lock.release()
    throw cause
  }
}

/** The same after each restart on this machine with this home. */
const placeOf = (folder: string, slot: number): string =>
  createHash('sha256')
    .update(`${hostname()}\n${resolve(folder)}\n${slot}`)
    .digest('hex')
    .slice(0, 32)

class SlotJournals implements Journals {
  readonly own: Journal
  readonly #options: JournalsOptions
  readonly #files: JournalFiles
  readonly #adopted = new Map<number, Journal>()
  readonly #listeners = new Set<(journal: Journal) => void>()
  readonly #ownSlot: number
  readonly #timer: NodeJS.Timeout
  #looking: Promise<void> | undefined
  #closed = false

  constructor(options: JournalsOptions, { journal }: Claimed, slot: number) {
    this.#options = options
    this.#files = options.files ?? nodeJournalFiles
    this.own = journal
    this.#ownSlot = slot
    this.#timer = setInterval(() => this.#lookAgain(), lookEveryMs)
    this.#timer.unref()
    this.#lookAgain()
  }

  get adopted(): readonly Journal[] {
    return [...this.#adopted.values()]
  }

  onAdopted(listener: (journal: Journal) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#timer)
    await this.#looking
    for (const journal of [...this.#adopted.values(), this.own]) await journal.close()
  }

  #lookAgain(): void {
    if (this.#looking !== undefined) return
    this.#looking = this.#look().finally(() => {
      this.#looking = undefined
    })
    this.#options.background.run('adopt the cache journals of dead processes', this.#looking)
  }

  async #look(): Promise<void> {
    for (const name of await this.#files.list(this.#options.folder)) {
      const slot = Number(slotForm.exec(name)?.[1] ?? this.#ownSlot)
      if (!this.#closed && slot !== this.#ownSlot && !this.#adopted.has(slot)) await this.#adopt(slot)
    }
  }

  async #adopt(slot: number): Promise<void> {
    const onEnd = (): boolean => this.#adopted.delete(slot)
    const claimed = await claim(this.#options, slot, { used: true, onEnd })
    if (claimed === undefined) return
    this.#adopted.set(slot, claimed.journal)
    for (const listener of this.#listeners) listener(claimed.journal)
  }
}
