/** PORT: a wait, as an argument: a test lets it end when it likes. */
export interface Timers {
  /** Calls `run` once after `ms`, unless the returned function was called before. It never keeps the process alive. */
  after(ms: number, run: () => void): () => void
}

export const systemTimers: Timers = {
  after: (ms, run) => {
    const timer = setTimeout(run, ms).unref()
    return () => clearTimeout(timer)
  },
}
