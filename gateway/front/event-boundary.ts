/**
 * Where one event of an event stream ends and the next has not begun: behind an empty line. Lines end by CR LF, LF or CR
 * (WHATWG HTML, server-sent events). It looks at the last bytes alone, however long a piece is.
 */
export class EventBoundary {
  #tail = ''
  #begun = false

  /** Nothing has come, or the last that came was an empty line. */
  get here(): boolean {
    return !this.#begun || endsEmpty.test(this.#tail)
  }

  /** A piece went by. */
  passed(chunk: Buffer): void {
    if (chunk.length === 0) return
    this.#begun = true
    const end = chunk.toString('latin1', Math.max(0, chunk.length - tailBytes))
    this.#tail = (this.#tail + end).slice(-tailBytes)
  }

  /** Behind which byte of the next piece an event ends first; undefined = within none. */
  within(chunk: Buffer): number | undefined {
    const text = this.#tail + chunk.toString('latin1')
    const before = this.#tail.length
    emptyLine.lastIndex = 0
    for (let found = emptyLine.exec(text); found !== null; found = emptyLine.exec(text)) {
      if (emptyLine.lastIndex > before) return emptyLine.lastIndex - before
      // The end of one line may begin the next empty one.
      emptyLine.lastIndex = found.index + 1
    }
    return undefined
  }
}

/** Two line ends. */
const tailBytes = 4
const endsEmpty = /(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)$/
const emptyLine = /(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)/g
