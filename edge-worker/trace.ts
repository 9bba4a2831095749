/** W3C Trace Context section 3.2: no zeros, no version ff, and nothing behind the four fields of version 00. */
const form = /^(?!ff|00.{53}.|.{3}0{32}|.{36}0{16})[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}(?:-.*)?$/

/** Whether a `traceparent` can be read by whoever gets it, and so travels on as it is. */
export function isTrace(value: string | undefined): boolean {
  return form.test(value ?? '')
}

/** A trace that begins here, from a random UUID: unsampled, since an edge keeps no spans, its span named by the trace's end. */
export function newTrace(id: string): string {
  const traceId = id.replaceAll('-', '')
  return `00-${traceId}-${traceId.slice(16)}-00`
}
