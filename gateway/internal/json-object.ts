export type JsonObject = Readonly<Record<string, unknown>>

/** Neither a list nor null. */
export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const strictUtf8 = new TextDecoder('utf-8', { fatal: true })

/** The object that the bytes of a body are in JSON; undefined for anything else: what would have been right, the caller says. */
export function jsonObjectIn(body: unknown): JsonObject | undefined {
  if (!Buffer.isBuffer(body)) return undefined
  try {
    const value: unknown = JSON.parse(strictUtf8.decode(body))
    return isJsonObject(value) ? value : undefined
  } catch {
    // Not UTF-8, or not JSON.
    return undefined
  }
}
