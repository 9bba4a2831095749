/** What a channel does next: answers after how many ms to be called again; undefined = when it rings. Never rejects. */
export type Advance = () => Promise<number | undefined>

const longestRestMs = 3_600_000

/** Calls a channel whenever something is due, one call at a time. */
export class Driver {
  readonly #advance: Advance
  #ended = false
  #rung = false
  #wake: (() => void) | undefined

  constructor(advance: Advance) {
    this.#advance = advance
  }

  /** There is something to do: a rest ends at once. */
  ring(): void {
    this.#rung = true
    this.#wake?.()
  }

  end(): void {
    this.#ended = true
    this.#wake?.()
  }

  /** Until `end`; a call that is under way then is left to end by itself. */
  async run(): Promise<void> {
    while (!this.#ended) {
      this.#rung = false
      const ms = await this.#advance()
      if (ms !== 0) await this.#rest(Math.min(ms ?? longestRestMs, longestRestMs))
    }
  }

  async #rest(ms: number): Promise<void> {
    if (this.#rung || this.#ended) return
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      this.#wake = resolve
      timer = setTimeout(resolve, ms).unref()
    })
    clearTimeout(timer)
    this.#wake = undefined
  }
}
