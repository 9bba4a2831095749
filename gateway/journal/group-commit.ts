import { encodeFrame } from './frame.ts'

/** Records of one frame, bytes: above it the next one begins. */
const frameTargetBytes = 1024 * 1024

/** What was appended in one turn, or while another frame was written: one frame, one answer. */
export class Batch {
  readonly written: Promise<boolean>
  readonly durable: Promise<boolean>
  readonly #parts: Buffer[] = []
  #bytes = 0
  #records = 0
  #onWritten: (stands: boolean) => void = () => undefined
  #onDurable: (stands: boolean) => void = () => undefined

  constructor(synced: boolean) {
    this.written = new Promise((resolve) => {
      this.#onWritten = resolve
    })
    // What is not synced will never be more durable than it is written.
    this.durable = synced
      ? new Promise((resolve) => {
          this.#onDurable = resolve
        })
      : this.written
  }

  get bytes(): number {
    return this.#bytes
  }

  add(parts: readonly Buffer[], bytes: number): void {
    for (const part of parts) this.#parts.push(part)
    this.#bytes += bytes
    this.#records++
  }

  frame(atMs: number): Buffer {
    return encodeFrame(this.#parts, this.#bytes, this.#records, atMs)
  }

  /** Later words on the same thing change nothing. */
  isWritten(stands: boolean): void {
    this.#onWritten(stands)
  }

  settle(stands: boolean): void {
    this.#onWritten(stands)
    this.#onDurable(stands)
  }
}

export interface GroupCommitOptions {
  readonly synced: boolean
  /** Of records that wait for the disk. Above it appends are refused. */
  readonly waitingLimitBytes: number
  /** After which a frame, and whatever waits behind it, counts as standing nowhere, ms. */
  readonly stallMs: number
  /** Brings the frame to the disk, or what stands for it. Never rejects. */
  readonly commit: (batch: Batch, frame: Buffer) => Promise<boolean>
  readonly onStall: () => void
  readonly now: () => number
}

const nowhere = Promise.resolve(false)
export const refused = { written: nowhere, durable: nowhere } as const

/** One frame at a time on its way to the disk; what comes meanwhile goes together into the next one. */
export class GroupCommit {
  readonly #options: GroupCommitOptions
  #waiting: Batch[] = []
  #waitingBytes = 0
  #running: Promise<void> | undefined
  #stalled = false

  constructor(options: GroupCommitOptions) {
    this.#options = options
  }

  /** Undefined: too much waits already, or the disk does not answer. */
  add(parts: readonly Buffer[]): Batch | undefined {
    let bytes = 0
    for (const part of parts) bytes += part.length
    if (this.#stalled || this.#waitingBytes + bytes > this.#options.waitingLimitBytes) return undefined
    let batch = this.#waiting.at(-1)
    if (batch === undefined || batch.bytes + bytes > frameTargetBytes) {
      batch = new Batch(this.#options.synced)
      this.#waiting.push(batch)
    }
    batch.add(parts, bytes)
    this.#waitingBytes += bytes
    this.#running ??= this.#run()
    return batch
  }

  /** Resolves when nothing waits. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  async #run(): Promise<void> {
    // At the end of the turn, so that what is asked for together is written together.
    await new Promise<void>((resolve) => setImmediate(resolve))
    for (let batch = this.#waiting.shift(); batch !== undefined; batch = this.#waiting.shift()) {
      this.#waitingBytes -= batch.bytes
      const stall = setTimeout(this.#stall, this.#options.stallMs, batch)
      const stands = await this.#options.commit(batch, batch.frame(this.#options.now()))
      clearTimeout(stall)
      this.#stalled = false
      batch.settle(stands)
    }
    this.#running = undefined
  }

  readonly #stall = (under: Batch): void => {
    this.#stalled = true
    under.settle(false)
    for (const batch of this.#waiting.splice(0)) {
      this.#waitingBytes -= batch.bytes
      batch.settle(false)
    }
    this.#options.onStall()
  }
}
