/** The table of the journey: a line a step, printed when the step is over. */
export interface StepResult {
  /** What was measured, in words. */
  readonly figures: string
  /** Why it is not as claimed; none = it is. */
  readonly faults: readonly string[]
}

const widest = { name: 58, figures: 100 } as const

export class Report {
  readonly #tell: (line: string) => void
  readonly #begun = performance.now()
  readonly faults: string[] = []

  constructor(tell: (line: string) => void) {
    this.#tell = tell
    tell(`${'at'.padStart(6)}    ${'step'.padEnd(widest.name)}  ${'measured'.padEnd(widest.figures)}  verdict`)
  }

  /** Runs a step. One that throws has failed; those after it run all the same, since each shows something of its own. */
  async step(name: string, work: () => Promise<StepResult> | StepResult): Promise<void> {
    let result: StepResult
    try {
      result = await work()
    } catch (cause) {
      result = { figures: '', faults: [cause instanceof Error ? cause.message : String(cause)] }
    }
    const seconds = ((performance.now() - this.#begun) / 1_000).toFixed(1).padStart(6)
    const verdict = result.faults.length === 0 ? 'ok' : 'FAILED'
    this.#tell(`${seconds} s  ${name.padEnd(widest.name)}  ${result.figures.padEnd(widest.figures)}  ${verdict}`)
    for (const fault of result.faults) {
      this.#tell(`          ${fault}`)
      this.faults.push(`${name}: ${fault}`)
    }
  }
}
