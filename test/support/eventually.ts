/** Waiting for what another process does, instead of sleeping and hoping. */

export interface EventuallyOptions {
  /** Default 5000. */
  readonly deadlineMs?: number
  /** Pause between two looks. Default 10. */
  readonly everyMs?: number
  /** What is waited for, for the failure's text. */
  readonly what?: string
}

/** The first truthy value of `look`; a throw counts as "not yet". After the deadline it fails with the last reason. */
export async function eventually<T>(
  look: () => T | Promise<T>,
  options: EventuallyOptions = {},
): Promise<NonNullable<T>> {
  const { deadlineMs = 5000, everyMs = 10, what = 'a condition' } = options
  const until = performance.now() + deadlineMs
  let last: unknown
  do {
    try {
      const value = await look()
      if (value) return value
      last = value
    } catch (error) {
      last = error
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  } while (performance.now() < until)
  throw new Error(`${what} did not come true within ${deadlineMs} ms; last: ${String(last)}`, { cause: last })
}

/** `promise`, or a failure that says what was waited for. */
export async function within<T>(deadlineMs: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come within ${deadlineMs} ms`)), deadlineMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
