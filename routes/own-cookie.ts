/**
 * Takes a cookie of ours out of a Cookie field: what is left, byte for byte ('' = nothing), and the first value of that name.
 * Edge and gateway read it alike, and no service and no cache key sees it.
 */
export function takeCookie(field: string, name: string): { readonly rest: string; readonly value: string | undefined } {
  let value: string | undefined
  const others = field.split(';').filter((pair) => {
    const equals = pair.indexOf('=')
    const ours = pair.slice(0, Math.max(equals, 0)).trim() === name
    if (ours) value ??= pair.slice(equals + 1).trim()
    return !ours
  })
  return { rest: others.join(';').trimStart(), value }
}
