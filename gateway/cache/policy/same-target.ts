/**
 * Whether a Content-Location names the request's own target: the same URI, or its path and query on the same host. Other
 * relative references are not resolved: a POST whose answer is not stored costs no more than that POST.
 */
export function isTarget(contentLocation: string | undefined, target: string | undefined): boolean {
  if (contentLocation === undefined || target === undefined) return false
  const slashes = target.indexOf('://')
  const path = slashes < 0 ? -1 : target.indexOf('/', slashes + 3)
  if (path < 0) return false
  if (contentLocation.startsWith('/'))
    return !contentLocation.startsWith('//') && contentLocation === target.slice(path)
  // Scheme and host in any letters; all behind them as it stands. RFC 3986 section 6.2.2.1.
  const origin = contentLocation.slice(0, path)
  return (
    origin.toLowerCase() === target.slice(0, path).toLowerCase() && contentLocation.slice(path) === target.slice(path)
  )
}
