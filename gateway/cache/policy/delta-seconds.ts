/** Above it all times are the same. RFC 9111 section 1.2.2. */
export const longestS = 2 ** 31

/** Seconds as directives and Age write them: digits and nothing else, clamped; undefined = no such number. */
export function deltaSeconds(text: string): number | undefined {
  if (text === '') return undefined
  let seconds = 0
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 0x30
    if (digit < 0 || digit > 9) return undefined
    // Not above, so that no number of digits loses precision.
    seconds = Math.min(seconds * 10 + digit, longestS)
  }
  return seconds
}
