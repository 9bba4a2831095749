/** The parent part of a trace. W3C Trace Context section 3.2. */
export interface TraceParent {
  /** 32 lower-case hex digits, not all 0. */
  readonly traceId: string
  /** 16 of them. */
  readonly spanId: string
  /** The last bit: sampled. */
  readonly flags: number
}

const form = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/** Undefined for what a receiver must take as none: a wrong form, zeros, version ff, or more than version 00 has. */
export function readTraceParent(value: string | undefined): TraceParent | undefined {
  const match = value === undefined ? null : form.exec(value)
  if (match === null) return undefined
  const [, version = '', traceId = '', spanId = '', flags = '', more] = match
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined
  return { traceId, spanId, flags: Number.parseInt(flags, 16) }
}

export function writeTraceParent({ traceId, spanId, flags }: TraceParent): string {
  return `00-${traceId}-${spanId}-${(flags & 1).toString(16).padStart(2, '0')}`
}
