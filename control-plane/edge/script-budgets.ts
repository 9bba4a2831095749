import type { BuiltScript } from './script-builder.ts'

/**
 * Bytes after gzip, ms. Cloudflare takes 3 MB on its free plan and starts a script within 1 s, code and table alike; the
 * code alone is held to our own 18.5 KB, so that cold isolates begin at once (docs/decisions/023).
 */
export const budgets = { gzipBytes: 3_000_000, codeGzipBytes: 18.5 * 1024, startupMs: 1_000 } as const

/** What is beyond its budget, with figures; undefined: nothing. */
export function overBudget(script: BuiltScript): string | undefined {
  const { gzipBytes, codeGzipBytes, startupMs } = script
  const over = [
    told('it has', gzipBytes, budgets.gzipBytes, 'bytes after gzip'),
    told('its code has', codeGzipBytes, budgets.codeGzipBytes, 'bytes after gzip'),
    told('it starts in', startupMs, budgets.startupMs, 'ms'),
  ].filter((words) => words !== undefined)
  return over.length === 0 ? undefined : over.join('; ')
}

function told(what: string, is: number, most: number, unit: string): string | undefined {
  return is > most ? `${what} ${is} ${unit}, at most ${most}` : undefined
}
